/** Identifies the filters in the chain of plugin filters. */
class Filters {
    static final String GATE = 'jenkins2fa-gate'

    static getContext() {
        def jenkins = Jenkins.get()
        def hasGetter = jenkins.metaClass.respondsTo(jenkins, 'getServletContext')
        hasGetter ? jenkins.getServletContext() : jenkins.servletContext
    }

    static getChain() { hudson.util.PluginServletFilter.getInstance(context) }

    static boolean isGate(filter) { java.lang.reflect.Proxy.isProxyClass(filter.class) && filter.toString() == GATE }

    /** The filter of the 2FA plugin that counts. */
    static boolean isPlugins(filter) { isOf(filter, [Plugin.current]) }

    /** The filter of any 2FA plugin. */
    static boolean isTwoFactor(filter) { isOf(filter, Plugin.all) }

    /** Itself, or in the wrapper that newer versions of Jenkins put around filters of the older servlet API. */
    private static boolean isOf(filter, List plugins) {
        def type = filter.class
        if (plugins.any { it.isFilter(type) }) return true
        type.name.startsWith('io.jenkins.servlet.FilterWrapper') && type.declaredFields.any {
            it.accessible = true
            def wrapped = it.get(filter)
            wrapped != null && plugins.any { plugin -> plugin.isFilter(wrapped.class) }
        }
    }

    /** Whether Jenkins itself owns the filter; a wrapper of Jenkins counts as its content. */
    static boolean isJenkins(filter) { isCore(filter.class) && !filter.class.name.startsWith('io.jenkins.servlet.') }

    /** Whether a filter of another plugin, or a handler behind Jenkins' own filter, has to see each request. */
    static boolean hasOthers() {
        def handlers = Jenkins.classLoader.loadClass('jenkins.util.HttpServletFilter')
        chain.list.any { !isGate(it) && !isTwoFactor(it) && !isJenkins(it) } ||
            hudson.ExtensionList.lookup(handlers).any { !isCore(it.class) }
    }

    private static boolean isCore(Class type) { type.classLoader.is(Jenkins.classLoader) }
}
