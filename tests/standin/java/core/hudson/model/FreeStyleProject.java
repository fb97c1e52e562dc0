package hudson.model;

import java.util.concurrent.atomic.AtomicInteger;

/** A job that can be "built": each build is an entry of the queue, and nothing runs. */
public class FreeStyleProject {
    private static final AtomicInteger QUEUE = new AtomicInteger(1);

    public BuildAuthorizationToken authToken;
    private final String name;
    private volatile boolean disabled;
    private volatile String description;
    private volatile String log = "Finished: SUCCESS\n";
    private final AtomicInteger builds = new AtomicInteger();

    public FreeStyleProject(String name) {
        this.name = name;
    }

    public String getName() {
        return name;
    }

    public String getFullName() {
        return name;
    }

    public BuildAuthorizationToken getAuthToken() {
        return authToken;
    }

    public void setAuthToken(BuildAuthorizationToken token) {
        authToken = token;
    }

    public boolean isDisabled() {
        return disabled;
    }

    public void setDisabled(boolean value) {
        disabled = value;
    }

    public String getDescription() {
        return description;
    }

    public void setDescription(String text) {
        description = text;
    }

    /** What the last build has written. */
    public String getLog() {
        return log;
    }

    public void setLog(String text) {
        log = text;
    }

    /** How often a build was asked for since the start. */
    public int getBuildRequests() {
        return builds.get();
    }

    /** Returns the number of the queue's entry. */
    public int schedule() {
        builds.incrementAndGet();
        return QUEUE.getAndIncrement();
    }

    public void save() {}
}
