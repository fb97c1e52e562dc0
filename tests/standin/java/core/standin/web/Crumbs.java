package standin.web;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.UUID;
import javax.servlet.http.HttpServletRequest;
import jenkins.model.Jenkins;

/** Crumbs against forged requests: bound to the user and the session. */
final class Crumbs {
    static final String FIELD = "Jenkins-Crumb";
    private static final String SALT = UUID.randomUUID().toString();

    private Crumbs() {}

    static String issue(HttpServletRequest request) {
        String source = Jenkins.getAuthentication2().getName() + ";" + request.getSession().getId() + ";" + SALT;
        try {
            return String.format("%064x", new BigInteger(1, MessageDigest.getInstance("SHA-256").digest(source.getBytes(StandardCharsets.UTF_8))));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static boolean isValid(HttpServletRequest request) {
        String given = request.getHeader(FIELD);
        if (given == null) given = request.getParameter(FIELD);
        return given != null && given.equals(issue(request));
    }
}
