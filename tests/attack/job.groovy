/** The job and Jenkins itself, on the stand-in and on a real Jenkins: their state, and the way back to it. */
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def job = jenkins.getItem('<JOB>'), marker = '<MARKER>'
def onStandIn = job.metaClass.respondsTo(job, 'getBuildRequests') as boolean
def stateOfJob = {
    [script: System.getProperty('attack.ran'), quiet: jenkins.quietingDown,
     build: onStandIn ? job.buildRequests : job.nextBuildNumber + jenkins.queue.getItems(job).size(),
     job: [job.description, job.disabled, jenkins.items.size(), jenkins.systemMessage]]
}
def resetJob = {
    System.clearProperty('attack.ran')
    if (jenkins.quietingDown) jenkins.doCancelQuietDown()
    if (job.description != marker) job.description = marker
    if (jenkins.systemMessage != marker) jenkins.systemMessage = marker
    if (job.disabled) job.metaClass.respondsTo(job, 'makeDisabled') ? job.makeDisabled(false) : job.setDisabled(false)
    if (onStandIn) return
    jenkins.queue.getItems(job).each { jenkins.queue.cancel(it) }
    jenkins.getItem('taken')?.delete()
    def kept = context.getAttribute('attack.job')
    if (job.configFile.asString() != kept) job.updateByXml(new javax.xml.transform.stream.StreamSource(new StringReader(kept)))
}
def prepareJob = {
    if (onStandIn) {
        job.log = "$marker\n"
        if (!job.buildRequests) job.schedule()
    } else {
        if (job.lastBuild == null) {
            job.buildersList.add(jenkins.pluginManager.uberClassLoader.loadClass('hudson.tasks.Shell').newInstance("echo $marker"))
            job.scheduleBuild2(0).get()
        }
        job.assignedLabel = hudson.model.Label.get('attack-nowhere') // what is scheduled from now on stays in the queue, where it can be counted
    }
    for (def type = job.class; type; type = type.superclass)
        type.declaredFields.find { it.name == 'authToken' }?.with { accessible = true; set(job, new hudson.model.BuildAuthorizationToken('t')) }
    if (onStandIn) return
    job.description = marker
    context.setAttribute('attack.job', job.configFile.asString())
}
