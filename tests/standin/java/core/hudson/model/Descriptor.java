package hudson.model;

import hudson.XmlFile;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import jenkins.model.Jenkins;

/** Something with settings of its own, found by its class name. A subclass that keeps its settings says how in `toXml` and `fromXml`. */
public abstract class Descriptor {
    public String getId() {
        Class<?> type = getClass();
        return type.getSimpleName().equals("DescriptorImpl") ? type.getEnclosingClass().getName() : type.getName();
    }

    public String getDisplayName() {
        return getClass().getSimpleName();
    }

    protected XmlFile getConfigFile() {
        return new XmlFile(new File(Jenkins.get().getRootDir(), getId() + ".xml"));
    }

    protected String toXml() {
        return null;
    }

    protected void fromXml(File file) throws Exception {}

    public synchronized void save() {
        String xml = toXml();
        if (xml == null) return;
        File file = getConfigFile().getFile();
        file.getParentFile().mkdirs();
        try {
            hudson.util.AtomicFileWriter writer = new hudson.util.AtomicFileWriter(file.toPath(), StandardCharsets.UTF_8);
            try {
                writer.write(xml);
                writer.commit();
            } finally {
                writer.abort();
            }
        } catch (IOException problem) {
            java.util.logging.Logger.getLogger(getClass().getName()).log(java.util.logging.Level.WARNING, "cannot save " + file, problem);
        }
    }

    public synchronized void load() {
        File file = getConfigFile().getFile();
        if (!Files.isRegularFile(file.toPath())) return;
        try {
            fromXml(file);
        } catch (Exception problem) {
            java.util.logging.Logger.getLogger(getClass().getName()).log(java.util.logging.Level.WARNING, "cannot load " + file, problem);
        }
    }
}
