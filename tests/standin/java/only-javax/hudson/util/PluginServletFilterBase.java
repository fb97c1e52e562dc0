package hudson.util;

/** Nothing to add: with javax.servlet there is one signature of everything. */
abstract class PluginServletFilterBase {}
