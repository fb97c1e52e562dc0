package io.jenkins.servlet;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;

/** The jakarta servlet context behind the old interface; serves the calls that both have. */
public final class ServletContextWrapper {
    private ServletContextWrapper() {}

    public static javax:servlet.ServletContext fromJakartaServletContext(jakarta.servlet.ServletContext context) {
        Class<?> type = javax:servlet.ServletContext.class;
        return (javax:servlet.ServletContext) Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
            try {
                return jakarta.servlet.ServletContext.class.getMethod(method.getName(), method.getParameterTypes()).invoke(context, arguments);
            } catch (InvocationTargetException problem) {
                throw problem.getCause();
            }
        });
    }
}
