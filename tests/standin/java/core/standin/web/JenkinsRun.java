package standin.web;

import groovy.lang.Binding;
import groovy.lang.GroovyShell;
import hudson.model.Hudson;
import hudson.model.User;
import hudson.security.ACL;
import hudson.security.ACLContext;
import hudson.tasks.Mailer;
import hudson.util.PluginServletFilter;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.servlet.DispatcherType;
import javax.servlet.Filter;
import javax.servlet.MultipartConfigElement;
import jenkins.model.Jenkins;
import jenkins.model.JenkinsLocationConfiguration;
import jenkins.security.ApiTokenProperty.TokenInfoAndStats;
import jenkins.util.HttpServletFilter;
import jenkins.util.Timer;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.FilterHolder;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import standin.boot.Host;
import standin.boot.Run;

/** Starts and stops one run. The order at start-up is Jenkins' own: settings, plugins (their filters read the disk), configuration-as-code, start-up scripts, requests. */
public final class JenkinsRun implements Run {
    private final Host host;
    private final FrontFilter front;
    private final AuthFilter authentication;
    private final List<Part> parts = new ArrayList<>();
    private static volatile JenkinsRun current;
    private Server server;

    public JenkinsRun(Host host) {
        this.host = host;
        front = new FrontFilter(host);
        authentication = new AuthFilter(host);
        current = this;
    }

    /** After a token was made. */
    static void reloadTokens() throws IOException {
        current.authentication.loadTokens();
    }

    /** One entry, without the secret, for each API token of a user. */
    public static List<TokenInfoAndStats> tokensOf(String id) {
        return current.authentication.tokensOf(id);
    }

    @Override
    public void start() throws Exception {
        long opened = System.currentTimeMillis();
        Assets.lay(host.options.home);
        ServletContextHandler context = openPort();
        Jenkins jenkins = new Hudson(host.options.home, context.getServletContext(), host);
        try (ACLContext system = ACL.as2(ACL.SYSTEM2)) {
            Setup.prepare(jenkins, host);
            authentication.loadTokens();
            PluginServletFilter.addFilter(HttpServletFilter.create());
            for (Object entry : jenkins.getPluginManager().entries()) {
                Part part = (Part) entry;
                part.start(jenkins);
                parts.add(part);
            }
            User.loadAll();
            Setup.addresses(host);
            startUpScripts();
        }
        Thread.sleep(Math.max(0, opened + host.options.startingMillis - System.currentTimeMillis()));
        front.phase = FrontFilter.Phase.UP;
    }

    private ServletContextHandler openPort() throws Exception {
        QueuedThreadPool pool = new QueuedThreadPool(100, 4);
        pool.setDaemon(false);
        server = new Server(pool);
        HttpConfiguration configuration = new HttpConfiguration();
        configuration.setUriCompliance(UriCompliance.LEGACY);
        configuration.setSendServerVersion(false);
        ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(configuration));
        connector.setHost("127.0.0.1");
        connector.setPort(host.port);
        server.addConnector(connector);
        ServletContextHandler context = new ServletContextHandler(ServletContextHandler.SESSIONS);
        context.setContextPath(host.options.contextPath.isEmpty() ? "/" : host.options.contextPath);
        context.setMaxFormContentSize(20_000_000);
        context.getSessionHandler().setSessionCookie("JSESSIONID." + Integer.toHexString(host.options.home.getPath().hashCode()));
        context.getSessionHandler().setHttpOnly(true);
        context.getSessionHandler().setMaxInactiveInterval(1800);
        context.getSessionHandler().addEventListener(new Sessions());
        context.setResourceBase(new File(host.options.home, "war").getPath());
        Flavour.prepare(context);
        for (Filter filter : List.of(front, authentication, new CrumbFilter(), new PluginServletFilter()))
            context.addFilter(new FilterHolder(filter), "/*", EnumSet.of(DispatcherType.REQUEST));
        ServletHolder servlet = new ServletHolder("Stapler", new Stapler(parts));
        servlet.getRegistration().setMultipartConfig(new MultipartConfigElement(System.getProperty("java.io.tmpdir")));
        context.addServlet(servlet, "/*");
        Flavour.serve(server, context);
        open(connector);
        server.start();
        host.port = connector.getLocalPort();
        return context;
    }

    /** Between two runs somebody else's connection may hold the port for a moment. */
    private static void open(ServerConnector connector) throws Exception {
        for (int attempts = 100; ; attempts--) {
            try {
                connector.open();
                return;
            } catch (IOException busy) {
                if (attempts == 0) throw busy;
                Thread.sleep(50);
            }
        }
    }

    /** A script that fails is logged and does not keep Jenkins from starting. */
    private void startUpScripts() {
        File[] scripts = new File(host.options.home, "init.groovy.d").listFiles((folder, name) -> name.endsWith(".groovy"));
        if (scripts == null) return;
        Arrays.sort(scripts);
        for (File script : scripts) {
            try {
                new GroovyShell(Jenkins.get().getPluginManager().uberClassLoader, new Binding()).evaluate(script);
            } catch (Throwable problem) {
                Logger.getLogger("jenkins.util.groovy.GroovyHookScript").log(Level.WARNING, "Failed to run script " + script, problem);
            }
        }
    }

    @Override
    public void announceRestart() {
        front.phase = FrontFilter.Phase.RESTARTING;
    }

    @Override
    public void stop() {
        Timer.shutdown();
        try {
            server.setStopTimeout(0);
            server.stop();
        } catch (Exception problem) {
            Logger.getLogger("standin").log(Level.WARNING, "stopping", problem);
        }
    }

    @Override
    public String groovy(String text) {
        try (ACLContext system = ACL.as2(ACL.SYSTEM2)) {
            return Console.run(text);
        }
    }

    /** The settings that come from the launch options. */
    private static final class Setup {
        static void prepare(Jenkins jenkins, Host host) {
            Map<String, Map<String, Object>> users = host.options.users;
            jenkins.setSecurityRealm(host.options.realm.equals("groups") ? new DirectoryRealm(users) : Defaults.ownDatabase(users));
            jenkins.setAuthorizationStrategy(Defaults.matrix(users));
            JenkinsLocationConfiguration location = new JenkinsLocationConfiguration();
            jenkins.addDescriptor(location);
            location.setUrl(host.options.rootUrlGiven ? host.options.rootUrl : "http://127.0.0.1:" + host.port + host.options.contextPath + "/");
            Mailer.DescriptorImpl mailer = new Mailer.DescriptorImpl();
            mailer.load();
            jenkins.addDescriptor(mailer);
            if (host.options.smtpHost != null) mailer.setSmtpHost(host.options.smtpHost);
        }

        static void addresses(Host host) {
            host.options.users.forEach((id, about) -> {
                User user = User.getById(id, true);
                Mailer.UserProperty kept = user.getProperty(Mailer.UserProperty.class);
                if (about.get("email") != null && kept == null) user.addProperty(new Mailer.UserProperty((String) about.get("email")));
                else if (kept == null && host.options.realm.equals("own")) user.save();
            });
        }
    }
}
