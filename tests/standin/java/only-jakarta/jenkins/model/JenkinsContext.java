package jenkins.model;

import io.jenkins.servlet.ServletContextWrapper;
import jakarta.servlet.ServletContext;

/** From 2.475 on the getter has the jakarta context; the old public field holds one of the old kind. */
public abstract class JenkinsContext {
    @Deprecated
    public final transient javax:servlet.ServletContext servletContext;
    private final transient ServletContext context;

    protected JenkinsContext(ServletContext context) {
        this.context = context;
        servletContext = ServletContextWrapper.fromJakartaServletContext(context);
    }

    public ServletContext getServletContext() {
        return context;
    }

    /** Flavour-neutral access for the stand-in's own code. */
    public static Object servletContextOf(JenkinsContext jenkins) {
        return jenkins.context;
    }
}
