package standin.boot;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import groovy.json.JsonOutput;
import groovy.json.JsonSlurperClassic;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/** The control port: a way in for the test bench that no setting of Jenkins can close. Loopback only, unauthenticated. */
final class Control {
    interface Action {
        String answer(String body) throws Exception;
    }

    private final HttpServer server;

    Control(Host host) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), host.options.controlPort), 50);
        server.setExecutor(Executors.newCachedThreadPool(work -> {
            Thread thread = new Thread(work, "stand-in control");
            thread.setDaemon(true);
            return thread;
        }));
        add("POST", "/groovy", host::groovy);
        add("POST", "/restart", body -> { host.requestRestart(); return "{}"; });
        add("POST", "/faults", body -> { host.faults.set(Options.object(new JsonSlurperClassic().parseText(body))); return "{}"; });
        add("GET", "/outbox", body -> JsonOutput.toJson(host.outbox));
        add("GET", "/status", body -> JsonOutput.toJson(host.status()));
        server.start();
    }

    void end() {
        server.stop(0);
    }

    int port() {
        return server.getAddress().getPort();
    }

    private void add(String method, String path, Action action) {
        server.createContext(path, exchange -> {
            int status = 200;
            String answer;
            try {
                String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
                if (!exchange.getRequestMethod().equals(method)) throw new IllegalArgumentException("only " + method);
                answer = action.answer(body);
            } catch (Throwable problem) {
                status = 400;
                answer = problem.toString();
            }
            send(exchange, status, answer);
        });
    }

    private static void send(HttpExchange exchange, int status, String answer) throws IOException {
        byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }
}
