package standin.web;

import jenkins.model.Jenkins;

/** What an active plugin adds to a run of Jenkins. */
public interface Part {
    /** Called in order at start-up, after Jenkins itself and before the start-up scripts. */
    void start(Jenkins jenkins) throws Exception;

    /** Serves a request of its own pages and returns true, or returns false. */
    boolean serve(Exchange exchange) throws Exception;

    /** Rewrites the segments of a path that leads, through the plugin's own objects, to pages which have another path as well. */
    default void resolve(Exchange exchange) {}

    /** The same as `serve` for pages that need no right. */
    default boolean serveAnyone(Exchange exchange) throws Exception {
        return false;
    }
}
