package standin.web;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import standin.boot.Host;

/** First in line: the faults of the test bench, 503 while Jenkins starts or restarts, and no semicolons in paths. */
final class FrontFilter implements Filter {
    enum Phase { STARTING, UP, RESTARTING }

    volatile Phase phase = Phase.STARTING;
    private final Host host;

    FrontFilter(Host host) {
        this.host = host;
    }

    @Override
    public void init(FilterConfig config) {}

    @Override
    public void doFilter(ServletRequest one, ServletResponse other, FilterChain chain) throws IOException, ServletException {
        HttpServletRequest request = (HttpServletRequest) one;
        HttpServletResponse response = (HttpServletResponse) other;
        host.faults.waitAWhile();
        Phase now = phase;
        response.setHeader("X-Content-Type-Options", "nosniff");
        if (now == Phase.UP && System.currentTimeMillis() < host.faults.answerUntil) {
            response.setStatus(host.faults.answerStatus);
            response.setContentType("text/html;charset=utf-8");
            if (host.faults.answerLocation != null) response.setHeader("Location", host.faults.answerLocation);
        } else if (now != Phase.UP || System.currentTimeMillis() < host.faults.unavailableUntil) {
            response.setStatus(503);
            response.setContentType("text/html;charset=utf-8");
            response.getOutputStream().write(Pages.wait(now == Phase.RESTARTING).getBytes(StandardCharsets.UTF_8));
        } else if (request.getRequestURI().contains(";")) {
            response.sendError(400, "Semicolons are not allowed in the request URI");
        } else if ("/scriptText".equals(request.getPathInfo()) && host.faults.answersToLose.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            SilentResponse silent = new SilentResponse(response);
            chain.doFilter(request, silent);
            silent.breakConnection();
        } else {
            chain.doFilter(request, response);
        }
    }

    @Override
    public void destroy() {}
}
