def given = new String('<GIVEN>'.decodeBase64(), 'UTF-8')
// Jenkins compiles this for every call, and keeps the class: so it is small, and has no closure.
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def kept = context.getAttribute('jenkins2fa.scripts')?.get('bootstrap')
println kept?.sha256 == '<SHA256>' ? kept.type.newInstance(new Binding(given: given)).run() : "@@2FA <NONCE> {\"session\":\"${jenkins.SESSION_HASH}\",\"missing\":[\"bootstrap\"]}"
