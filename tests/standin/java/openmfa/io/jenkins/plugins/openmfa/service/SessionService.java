package io.jenkins.plugins.openmfa.service;

import io.jenkins.plugins.openmfa.constant.PluginConstants.SessionAttributes;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpSession;

/** Which sessions are verified. */
public class SessionService {
    public boolean isVerifiedSession(HttpSession session) {
        return session != null && Boolean.TRUE.equals(session.getAttribute(SessionAttributes.MFA_VERIFIED));
    }

    /** In a new session, which has everything that the former one had. */
    public void verifySession(HttpServletRequest request) {
        Map<String, Object> kept = new HashMap<>();
        HttpSession before = request.getSession(false);
        if (before != null) {
            Collections.list(before.getAttributeNames()).forEach(name -> kept.put(name, before.getAttribute(name)));
            before.invalidate();
        }
        HttpSession session = request.getSession(true);
        kept.forEach(session::setAttribute);
        session.setAttribute(SessionAttributes.MFA_VERIFIED, true);
    }
}
