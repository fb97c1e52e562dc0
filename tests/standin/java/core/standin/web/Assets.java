package standin.web;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jenkins.model.Jenkins;

/** Static files: everything that a page of the stand-in loads, with next to nothing in it. They are files in the home, where Jenkins unpacks itself and its plugins. */
final class Assets {
    private static final Set<String> ROOTS = Set.of("adjuncts", "css", "images", "jsbundles", "scripts", "plugin", "i18n", "favicon.ico", "favicon.svg", "apple-touch-icon.png", "mask-icon.svg");
    private static final Map<String, String> TYPES = Map.of("css", "text/css", "js", "application/javascript", "svg", "image/svg+xml", "png", "image/png", "ico", "image/x-icon");
    private static final List<String> OF_WAR = List.of("jsbundles/styles.css", "jsbundles/app.js", "jsbundles/vendors.js", "scripts/hudson-behavior.js", "scripts/redirect.js", "favicon.svg",
        "favicon.ico", "images/svgs/logo.svg", "WEB-INF/classes/lib/form/form.js");
    private static final List<String> OF_MINI_ORANGE = List.of("css/tfaConfiguration.css", "js/tfaConfiguration.js", "images/tfaIcon.png");
    private static final List<String> OF_OPEN_MFA = List.of("MFALoginAction/mfa-login.css", "MFALoginAction/mfa-login-enabled.js", "MFASetupAction/mfa-setup.css", "MFASetupAction/mfa-setup.js",
        "MFAManagementLink/mfa-mgmt.css", "MFAManagementLink/mfa-mgmt.js");

    private Assets() {}

    static void lay(File home) throws IOException {
        for (String file : OF_WAR) write(new File(home, "war/" + file), file);
        for (String file : OF_OPEN_MFA) write(new File(home, "war/WEB-INF/classes/io/jenkins/plugins/openmfa/" + file), file);
        for (String file : OF_MINI_ORANGE) write(new File(home, "plugins/miniorange-two-factor/" + file), file);
    }

    private static void write(File target, String text) throws IOException {
        if (target.isFile()) return;
        Files.createDirectories(target.getParentFile().toPath());
        Files.writeString(target.toPath(), "/* " + text + " */\n");
    }

    static boolean isAsset(String root) {
        return ROOTS.contains(root);
    }

    static void serve(Exchange exchange) throws IOException {
        File file = fileOf(exchange.path);
        boolean served = file != null && file.isFile() && (exchange.request.getMethod().equals("GET") || exchange.request.getMethod().equals("HEAD"));
        String type = served ? TYPES.get(file.getName().substring(file.getName().lastIndexOf('.') + 1)) : null;
        if (type == null) {
            exchange.html(404, "Not Found", "<h1>No such file</h1>"); // told apart from a page that does not exist
            return;
        }
        exchange.response.setHeader("Cache-Control", "public, max-age=31536000");
        exchange.text(type, Files.readString(file.toPath()));
    }

    private static File fileOf(List<String> path) {
        if (path.stream().anyMatch(part -> part.isEmpty() || part.startsWith(".") || part.contains("/") || part.equals("WEB-INF"))) return null;
        File home = Jenkins.get().getRootDir();
        switch (path.get(0)) {
            case "plugin":
                return path.size() < 3 ? null : new File(home, "plugins/" + String.join("/", path.subList(1, path.size())));
            case "adjuncts": // the segment after it changes with the run
                return path.size() < 3 ? null : new File(home, "war/WEB-INF/classes/" + String.join("/", path.subList(2, path.size())));
            default:
                return new File(home, "war/" + String.join("/", path));
        }
    }
}
