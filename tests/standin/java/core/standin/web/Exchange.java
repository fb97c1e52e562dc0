package standin.web;

import groovy.json.JsonOutput;
import hudson.security.Permission;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import jenkins.model.Jenkins;
import net.sf.json.JSONObject;

/** One request, its path in segments, and the usual kinds of answer. */
public final class Exchange {
    public final HttpServletRequest request;
    public final HttpServletResponse response;
    public final List<String> path;

    Exchange(HttpServletRequest request, HttpServletResponse response) {
        this.request = request;
        this.response = response;
        path = RequestPath.segments(request);
    }

    /** The segment at this place, or an empty text. */
    public String at(int index) {
        return index < path.size() ? path.get(index) : "";
    }

    public boolean startsWith(String... segments) {
        return path.size() >= segments.length && path.subList(0, segments.length).equals(List.of(segments));
    }

    public String context() {
        return request.getContextPath();
    }

    public void require(Permission permission) {
        Jenkins.get().checkPermission(permission);
    }

    /** Returns whether this is a POST; answers 405 otherwise. */
    public boolean isPost() throws IOException {
        if (request.getMethod().equals("POST")) return true;
        response.setHeader("Allow", "POST");
        html(405, "Method Not Allowed", "<h1>Method Not Allowed</h1><p>This URL requires POST</p><form method=\"post\"><button>Proceed</button></form>");
        return false;
    }

    public void html(int status, String title, String body) throws IOException {
        sessionInfo();
        response.setContentType("text/html;charset=utf-8");
        response.setStatus(status);
        write(Pages.layout(request, title, body));
    }

    public void notFound() throws IOException {
        html(404, "Not Found", "<h1>Not Found</h1>");
    }

    /** Returns whether the path is that of a page; answers a redirect to the same with a slash at its end otherwise, as a client's links need it. */
    public boolean isPage() throws IOException {
        if (request.getRequestURI().endsWith("/")) return true;
        String query = request.getQueryString();
        redirect(request.getRequestURI() + "/" + (query == null ? "" : "?" + query));
        return false;
    }

    public void json(Object value) throws IOException {
        sessionInfo();
        response.setContentType("application/json;charset=utf-8");
        write(JsonOutput.toJson(value));
    }

    public void text(String type, String text) throws IOException {
        response.setContentType(type);
        write(text);
    }

    public void redirect(String place) throws IOException {
        response.sendRedirect(place);
    }

    /** The submitted form, or null after a 400 because there is none. A text that is no JSON throws, and the answer is a 500. */
    public JSONObject form() throws IOException {
        String json = request.getParameter("json");
        if (json != null) return JSONObject.fromObject(json);
        response.sendError(400, "Nothing is submitted");
        return null;
    }

    /** How Jenkins' forms end: at that place, relative to the form's own address, or with a note when the form was only applied. No place throws. */
    public void done(String place) throws IOException {
        if (Boolean.parseBoolean(request.getParameter("core:apply"))) text("text/html;charset=utf-8", "<script>notificationBar.show('Saved', notificationBar.SUCCESS)</script>");
        else leaveFor(place);
    }

    /** As the web framework of Jenkins redirects: it resolves a relative place by itself. */
    public void leaveFor(String place) throws IOException {
        if (place.matches("(https?:/)?/.*")) {
            redirect(place);
            return;
        }
        String uri = request.getRequestURI();
        redirect(uri.substring(0, uri.lastIndexOf('/') + 1) + place.replaceFirst("^\\./?", ""));
    }

    /** The headers of Jenkins' own pages; script answers, redirects and errors of the container have none of them. */
    void sessionInfo() {
        response.setHeader("X-Jenkins", Jenkins.VERSION);
        response.setHeader("X-Jenkins-Session", Jenkins.SESSION_HASH);
        response.setHeader("X-Hudson", "1.395");
    }

    void write(String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        response.setContentLength(bytes.length);
        response.getOutputStream().write(bytes);
    }
}
