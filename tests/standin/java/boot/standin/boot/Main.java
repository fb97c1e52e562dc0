package standin.boot;

import groovy.json.JsonOutput;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.logging.LogManager;

/**
 * Usage: java … standin.boot.Main BUILD OPTIONS.json; says READY and writes HOME/standin.json when requests are served.
 * Without OPTIONS.json the process serves one stand-in after another: each line of standard input ends the one before, and names the options
 * of the next; an empty line only ends it. Output goes to HOME/standin.log. The process ends with its standard input.
 */
public final class Main {
    private final File build;
    private final Properties properties = (Properties) System.getProperties().clone();
    private Host host;
    private Control control;

    private Main(File build) {
        this.build = build;
    }

    public static void main(String[] arguments) throws Exception {
        Main main = new Main(new File(arguments[0]));
        if (arguments.length > 1) {
            main.start(Options.read(new File(arguments[1])));
            return;
        }
        Output output = new Output();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            main.end();
            if (line.isEmpty()) continue;
            Options options = Options.read(new File(line));
            options.home.mkdirs();
            output.to(new File(options.home, "standin.log"));
            try {
                main.start(options);
            } catch (Throwable problem) {
                problem.printStackTrace();
                Runtime.getRuntime().halt(3);
            }
        }
        Runtime.getRuntime().halt(0); // whoever started this process is gone
    }

    private void start(Options options) throws Exception {
        options.home.mkdirs();
        host = new Host(options, build);
        control = new Control(host);
        host.start();
        Map<String, Object> tokens = new LinkedHashMap<>();
        Tokens.load(options).forEach((token, id) -> tokens.putIfAbsent(id, token));
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("url", "http://127.0.0.1:" + host.port + options.contextPath);
        about.put("controlUrl", "http://127.0.0.1:" + control.port());
        about.put("pid", ProcessHandle.current().pid());
        about.put("tokens", tokens);
        Tokens.writePrivately(about(options).toPath(), JsonOutput.toJson(about));
        System.out.println("READY " + about.get("url"));
        System.out.flush();
    }

    /** Closes the ports, ends the threads, forgets what Jenkins has set for the process, and then removes HOME/standin.json. */
    private void end() throws IOException {
        if (host == null) return;
        host.end();
        control.end();
        System.setProperties((Properties) properties.clone());
        LogManager.getLogManager().readConfiguration();
        Files.deleteIfExists(about(host.options).toPath());
        host = null;
        control = null;
    }

    private static File about(Options options) {
        return new File(options.home, "standin.json");
    }

    /** What the process prints, into the log of the stand-in of the moment. Loggers keep the stream that they have found first. */
    private static final class Output extends OutputStream {
        private volatile OutputStream file = OutputStream.nullOutputStream();

        Output() {
            PrintStream stream = new PrintStream(this, true, StandardCharsets.UTF_8);
            System.setOut(stream);
            System.setErr(stream);
        }

        synchronized void to(File log) throws IOException {
            file.close();
            file = new FileOutputStream(log, true);
        }

        @Override
        public synchronized void write(int one) throws IOException {
            file.write(one);
        }

        @Override
        public synchronized void write(byte[] bytes, int from, int length) throws IOException {
            file.write(bytes, from, length);
        }
    }
}
