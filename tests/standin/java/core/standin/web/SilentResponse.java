package standin.web;

import java.io.IOException;
import javax.servlet.ServletOutputStream;
import javax.servlet.WriteListener;
import javax.servlet.http.HttpServletResponse;
import javax.servlet.http.HttpServletResponseWrapper;

/** An answer that never leaves: the request is carried out, and the connection then breaks. */
final class SilentResponse extends HttpServletResponseWrapper {
    private final HttpServletResponse real;

    SilentResponse(HttpServletResponse real) {
        super(real);
        this.real = real;
    }

    void breakConnection() throws IOException {
        real.sendError(-1); // Jetty's own way to say so
    }

    @Override
    public void setContentLength(int length) {}

    @Override
    public ServletOutputStream getOutputStream() {
        return new ServletOutputStream() {
            @Override
            public boolean isReady() {
                return true;
            }

            @Override
            public void setWriteListener(WriteListener listener) {}

            @Override
            public void write(int octet) {}
        };
    }
}
