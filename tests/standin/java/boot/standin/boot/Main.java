package standin.boot;

import groovy.json.JsonOutput;
import java.io.File;
import java.util.LinkedHashMap;
import java.util.Map;

/** Usage: java … standin.boot.Main BUILD OPTIONS.json [until-stdin-closes]; says READY and writes HOME/standin.json when requests are served. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        Options options = Options.read(new File(arguments[1]));
        options.home.mkdirs();
        Host host = new Host(options, new File(arguments[0]));
        Control control = new Control(host);
        host.start();
        Map<String, Object> tokens = new LinkedHashMap<>();
        Tokens.load(options).forEach((token, id) -> tokens.putIfAbsent(id, token));
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("url", "http://127.0.0.1:" + host.port + options.contextPath);
        about.put("controlUrl", "http://127.0.0.1:" + control.port());
        about.put("pid", ProcessHandle.current().pid());
        about.put("tokens", tokens);
        Tokens.writePrivately(new File(options.home, "standin.json").toPath(), JsonOutput.toJson(about));
        System.out.println("READY " + about.get("url"));
        System.out.flush();
        if (arguments.length > 2) {
            while (System.in.read() >= 0) continue; // whoever started this process is gone at the end of its pipe
            Runtime.getRuntime().halt(0);
        }
    }
}
