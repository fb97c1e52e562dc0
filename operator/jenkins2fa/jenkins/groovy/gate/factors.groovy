/** The plugin's factors, by the names of their challenge pages. */
class Factors {
    static final Map PROPERTIES = [securityQuestionAuth: 'tfaMethodsConfig.MoSecurityQuestionConfig', otpOverEmailAuth: 'tfaMethodsConfig.MoOtpOverEmailConfig']
    static final List DESCRIPTORS = PROPERTIES.values().collect { "io.jenkins.plugins.twofactor.jenkins.$it".toString() }

    static List<String> enabled() {
        def config = Layers.config
        [securityQuestionAuth: config.isEnableSecurityQuestionsAuthentication(), otpOverEmailAuth: config.isEnableOtpOverEmailAuthentication()].findAll { it.value }*.key
    }

    static List<String> enrolled(User user) { enabled().findAll { user.getProperty(Layers.load(PROPERTIES[it]))?.isConfigured() } }
}
