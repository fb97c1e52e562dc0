package standin.web;

import hudson.model.User;
import java.io.IOException;
import java.util.List;
import jenkins.model.Jenkins;
import standin.boot.Tokens;

/** Jenkins' own pages of a user. */
final class UserPages {
    private UserPages() {}

    /** `from` is the place of the first segment below the user. */
    static void serve(Exchange exchange, User user, int from) throws IOException {
        if (user == null) exchange.notFound();
        else if (exchange.at(from).equals("api")) Api.serve(exchange, exchange.at(from + 1), Api.user(user));
        else if (exchange.at(from + 2).equals("generateNewToken")) token(exchange, user);
        else if (exchange.at(from).equals("configSubmit")) submit(exchange, user);
        else if (exchange.at(from).equals("my-views") && exchange.at(from + 1).equals("view")) view(exchange, from + 1);
        else if (List.of("", "configure", "security").contains(exchange.at(from))) exchange.html(200, user.getFullName(), "<h1>" + Pages.escape(user.getFullName()) + "</h1>");
        else exchange.notFound();
    }

    private static void token(Exchange exchange, User user) throws IOException {
        if (!exchange.isPost()) return;
        if (user != User.current()) exchange.require(Jenkins.ADMINISTER);
        String made = Tokens.add(Jenkins.get().host.options, user.getId(), exchange.request.getParameter("newTokenName"));
        JenkinsRun.reloadTokens();
        exchange.json(Api.object("status", "ok", "data", Api.object("tokenName", Tokens.name(made), "tokenUuid", java.util.UUID.randomUUID().toString(), "tokenValue", made)));
    }

    private static void submit(Exchange exchange, User user) throws IOException {
        if (!exchange.isPost()) return;
        if (exchange.request.getParameter("json") == null) {
            exchange.response.sendError(400, "This page expects a form submission but had only {}");
            return;
        }
        user.save();
        exchange.redirect(exchange.context() + "/user/" + user.getId());
    }

    /** A user's own view, with the jobs below it. Read in the source, not recorded. */
    private static void view(Exchange exchange, int from) throws IOException {
        exchange.path.subList(0, from).clear();
        BuildWays.ofView(exchange);
    }
}
