package hudson.model;

import java.io.File;
import javax.servlet.ServletContext;
import jenkins.model.Jenkins;

/** The class of the one instance. */
public final class Hudson extends Jenkins {
    public Hudson(File home, ServletContext context, standin.boot.Host host) {
        super(home, context, host);
    }
}
