package hudson;

/** What plugins may implement. */
public interface ExtensionPoint {}
