package standin.boot;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** What lives as long as the process: the options, the switches of the test bench, the mails that were "sent", and the run of the moment. */
public final class Host {
    /** Milliseconds in which the answer to the request for the restart gets out. */
    private static final long SHORTEST_NOTICE = 50;

    public final Options options;
    public final File build;
    public final List<Map<String, String>> outbox = new CopyOnWriteArrayList<>();
    public final Faults faults;
    public volatile int port;
    private volatile Run run;
    private volatile int runs;
    private volatile boolean up;
    private final ExecutorService worker = Executors.newSingleThreadExecutor(work -> new Thread(work, "stand-in host"));

    public Host(Options options, File build) {
        this.options = options;
        this.build = build;
        this.port = options.port;
        this.faults = new Faults(options);
    }

    public void start() throws Exception {
        Run next = create();
        run = next;
        runs++;
        next.start();
        up = true;
    }

    /** From now on there are only 503 pages; the restart itself happens in the background, one at a time. */
    public void requestRestart() {
        up = false;
        faults.restartBegins();
        run.announceRestart();
        worker.submit(() -> {
            try {
                up = false;
                run.announceRestart();
                Thread.sleep(Math.max(SHORTEST_NOTICE, options.restartingMillis));
                run.stop();
                start();
                faults.restartEnds();
            } catch (InterruptedException ended) {
                return;
            } catch (Throwable problem) {
                problem.printStackTrace();
                System.exit(3);
            }
        });
    }

    /** Ends the run of the moment, for good. */
    void end() {
        up = false;
        worker.shutdownNow();
        try {
            worker.awaitTermination(5, TimeUnit.SECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        run.stop();
    }

    public String groovy(String text) {
        return run.groovy(text);
    }

    public Map<String, Object> status() {
        Options.Installed plugin = options.plugin(options.thePlugin());
        return Map.of("runs", runs, "up", up, "plugin", plugin.state(), "pluginVersion", plugin.version());
    }

    private Run create() throws Exception {
        URL[] core = {new File(build, "core/").toURI().toURL()};
        ClassLoader loader = new URLClassLoader("jenkins", core, Host.class.getClassLoader());
        return (Run) loader.loadClass("standin.web.JenkinsRun").getConstructor(Host.class).newInstance(this);
    }
}
