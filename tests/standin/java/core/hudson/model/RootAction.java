package hudson.model;

/** Pages directly below the root URL. */
public interface RootAction {
    String getUrlName();
}
