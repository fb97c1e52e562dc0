package standin.web;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.servlet.http.HttpSession;
import javax.servlet.http.HttpSessionEvent;
import javax.servlet.http.HttpSessionListener;

/** The sessions that live, for the test bench: Jenkins itself has no list of them. */
public final class Sessions implements HttpSessionListener {
    private static final Set<HttpSession> LIVE = ConcurrentHashMap.newKeySet();

    public static List<HttpSession> all() {
        return new ArrayList<>(LIVE);
    }

    @Override
    public void sessionCreated(HttpSessionEvent event) {
        LIVE.add(event.getSession());
    }

    @Override
    public void sessionDestroyed(HttpSessionEvent event) {
        LIVE.remove(event.getSession());
    }
}
