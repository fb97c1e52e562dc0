package hudson.security.csrf;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.UUID;
import javax.servlet.ServletRequest;
import javax.servlet.http.HttpServletRequest;
import jenkins.model.Jenkins;

/** Crumbs against forged requests: bound to the user and the session. */
public final class DefaultCrumbIssuer extends CrumbIssuer {
    public static final String FIELD = "Jenkins-Crumb";
    private static final CrumbIssuerDescriptor ABOUT = new CrumbIssuerDescriptor(UUID.randomUUID().toString(), FIELD);

    public static String issue(HttpServletRequest request) {
        return crumb(request, ABOUT.getCrumbSalt());
    }

    /** Sent as a header, or in the form. */
    public static boolean isValid(HttpServletRequest request) {
        String given = request.getHeader(FIELD);
        return Jenkins.get().getCrumbIssuer().validateCrumb(request, ABOUT.getCrumbSalt(), given != null ? given : request.getParameter(FIELD));
    }

    @Override
    public CrumbIssuerDescriptor getDescriptor() {
        return ABOUT;
    }

    @Override
    public boolean validateCrumb(ServletRequest request, String salt, String crumb) {
        return crumb != null && crumb.equals(crumb((HttpServletRequest) request, salt));
    }

    private static String crumb(HttpServletRequest request, String salt) {
        String source = Jenkins.getAuthentication2().getName() + ";" + request.getSession().getId() + ";" + salt;
        try {
            return String.format("%064x", new BigInteger(1, MessageDigest.getInstance("SHA-256").digest(source.getBytes(StandardCharsets.UTF_8))));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
