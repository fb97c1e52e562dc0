/** JSON files beside Jenkins' own, written atomically. */
class Store {
    static File file(String name) { new File(Jenkins.get().rootDir, "jenkins2fa/$name") }

    static Map read(String name) {
        def source = file(name)
        try { source.file ? (Map) new JsonSlurperClassic().parse(source, 'UTF-8') : null }
        catch (groovy.json.JsonException | ClassCastException problem) {
            throw new NoteDamaged("jenkins2fa/$name is no longer readable")
        }
    }

    static void write(String name, Map data) { writeText(file(name), JsonOutput.toJson(data)) }

    static void writeText(File target, String text) {
        try {
            target.parentFile.mkdirs()
            def writer = new AtomicFileWriter(target.toPath(), java.nio.charset.StandardCharsets.UTF_8)
            try { writer.write(text); writer.commit() } finally { writer.abort() }
        } catch (IOException problem) {
            Shared.log("$target could not be written", problem)
            throw new NotPersisted("${target.name} could not be written to disk")
        }
    }

    static File getStartup() { new File(Jenkins.get().rootDir, 'init.groovy.d/jenkins2fa.groovy') }

    static void keepCode(String text) {
        if (!startup.file || startup.getText('UTF-8') != text) writeText(startup, text)
    }

    static void delete(String name) { java.nio.file.Files.deleteIfExists(file(name).toPath()) }

    /** Deletes our folder when it is empty. */
    static void tidy() { def folder = file(''); if (folder.directory && !folder.list()) folder.delete() }
}
