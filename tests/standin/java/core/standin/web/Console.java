package standin.web;

import groovy.lang.Binding;
import groovy.lang.GroovyShell;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import jenkins.model.Jenkins;
import org.codehaus.groovy.control.CompilerConfiguration;
import org.codehaus.groovy.control.customizers.ImportCustomizer;

/** The script console: whatever goes wrong is part of a good answer. */
final class Console {
    private Console() {}

    /** Returns what was printed, then "Result: …" unless the value is null, or the stack trace. */
    static String run(String text) {
        ImportCustomizer imports = new ImportCustomizer();
        imports.addStarImports("jenkins", "jenkins.model", "hudson", "hudson.model");
        CompilerConfiguration configuration = new CompilerConfiguration();
        configuration.addCompilationCustomizers(imports);
        GroovyShell shell = new GroovyShell(Jenkins.get().getPluginManager().uberClassLoader, new Binding(), configuration);
        StringWriter written = new StringWriter();
        PrintWriter out = new PrintWriter(written);
        shell.setVariable("out", out);
        try {
            Object result = shell.evaluate(text);
            if (result != null) out.println("Result: " + result);
        } catch (Throwable problem) {
            problem.printStackTrace(out);
        }
        out.flush();
        return written.toString();
    }

    static void serve(Exchange exchange) throws IOException {
        exchange.require(Jenkins.ADMINISTER);
        String script = exchange.request.getParameter("script");
        if (script != null && !exchange.request.getMethod().equals("POST")) {
            exchange.html(405, "Jenkins [Jenkins]", "<h1>Method Not Allowed</h1>");
            return;
        }
        exchange.text("text/plain;charset=utf-8", script == null ? "" : run(script));
    }
}
