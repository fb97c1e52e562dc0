package standin.boot;

/** One run of Jenkins, from "getting ready" to "restarting"; implemented in a class loader of its own, so that every static starts anew. */
public interface Run {
    /** Opens the port (503 until everything is initialised) and returns when requests are served. */
    void start() throws Exception;

    /** From now on every request is answered with the 503 page of a restart. */
    void announceRestart();

    /** Closes the port, ends sessions and timers. */
    void stop();

    /** Runs a text as the script console does, as SYSTEM, and returns what it printed. */
    String groovy(String text);
}
