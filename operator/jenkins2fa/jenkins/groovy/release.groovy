/*
 * Releases this Jenkins. Input: settings (Retain: the plugin's settings stay; Restore: as they were before us;
 * Disable: 2FA off). A pending trial is undone and a break-glass ended first. The gate, its start-up script and
 * our files are removed in any case, unless there is nothing to restore: then only the trial is over.
 */
import jenkins.model.Jenkins

def shared = code.shared
synchronized (shared.chain) {
    code.trial.recover()
    def pending = code.trial.open
    if (pending != null) code.trial.end(pending.id, 'released')
    if (input.settings == 'Restore') code.state.insistOnRestorePoint()
    code.breakGlass.close()
    if (input.settings == 'Restore') code.state.restore()
    if (input.settings == 'Disable') code.state.switchOff()
    code.gate.remove()
    def startup = code.store.startup, folder = new File(Jenkins.get().rootDir, 'jenkins2fa')
    // a file that the site mounts is not ours to remove
    def provided = startup.file && startup.getText('UTF-8') =~ /EMBEDDED = '.+'/
    if (!provided) java.nio.file.Files.deleteIfExists(startup.toPath())
    if (!folder.deleteDir() && folder.exists()) {
        throw new java.io.IOException('$JENKINS_HOME/jenkins2fa could not be removed: check whether it is read-only')
    }
    shared.context.removeAttribute(shared.KEY)
    shared.context.removeAttribute('jenkins2fa.scripts')
    return [ok: true]
}
