package jenkins.model;

import javax.servlet.ServletContext;

/** Before 2.475 the servlet context is a public field, and there is no getter. */
public abstract class JenkinsContext {
    public final transient ServletContext servletContext;

    protected JenkinsContext(ServletContext context) {
        servletContext = context;
    }

    /** Flavour-neutral access for the stand-in's own code. */
    public static Object servletContextOf(JenkinsContext jenkins) {
        return jenkins.servletContext;
    }
}
