/**
 * Jenkins' own check for forged requests, which a plugin switches off for every session that it does not see as
 * verified.
 */
class CrumbCheck {
    private static final NOWHERE = nowhere()

    static boolean passes(request, response) {
        def issuer = Jenkins.get().crumbIssuer
        if (request.method != 'POST' || issuer == null || request.getAttribute(Gate.BY_TOKEN)) return true
        def fields = [issuer.descriptor.crumbRequestField, '.crumb']
        def isValid = { crumb -> crumb != null && issuer.validateCrumb(request, issuer.descriptor.crumbSalt, crumb) }
        if (isValid(fields.findResult { request.getHeader(it) })) return true
        // before the form is read: an excluded page may need to read it itself
        def exclusions = hudson.ExtensionList.lookup(hudson.security.csrf.CrumbExclusion)
        def counting = exclusions.findAll { one -> !Plugin.all.any { it.isCrumbExclusion(one.class) } }
        if (counting.any { excludes(it, request, response) }) return true
        isValid(fields.findResult { parameter(request, it) })
    }

    static void refuse(response) { response.sendError(403, 'No valid crumb was included in the request') }

    private static String parameter(request, String name) {
        try { request.getParameter(name) } catch (RuntimeException unreadable) { null }
    }

    /**
     * Another plugin's exclusion forwards the request by itself, here to an empty chain. An exclusion that fails
     * excludes nothing.
     */
    private static boolean excludes(exclusion, request, response) {
        try { exclusion.process(request, response, NOWHERE) } catch (Exception problem) { false }
    }

    private static nowhere() {
        def type = Gate.filterType.methods.find { it.name == 'doFilter' }.parameterTypes[2]
        def handler = { proxy, method, args -> null } as java.lang.reflect.InvocationHandler
        Proxy.newProxyInstance(type.classLoader, [type] as Class[], handler)
    }
}
