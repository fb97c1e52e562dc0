"""What a person does on Jenkins' side when nothing can be done from outside. ``docs/unlock.md`` explains each step; a test follows them."""

from __future__ import annotations

SETTINGS = "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"
COMMANDS = (
    f"sed -i.before-unlock 's|<enableTfa>true</enableTfa>|<enableTfa>false</enableTfa>|' \"$JENKINS_HOME/{SETTINGS}\"",
    'rm -f "$JENKINS_HOME/init.groovy.d/jenkins2fa.groovy"',
    'if [ -e "$JENKINS_HOME/jenkins2fa" ]; then mv "$JENKINS_HOME/jenkins2fa" "$JENKINS_HOME/jenkins2fa.before-unlock"; fi',
)
HOLD_THE_OPERATOR = (
    'kubectl patch twofactorpolicy NAME --namespace NAMESPACE --type merge --patch \'{"spec":{"suspend":true}}\'',
    "kubectl scale deployment NAME --namespace NAMESPACE --replicas=0",
)
SYSTEMD, HELM, DOCKER = "systemctl stop jenkins", "kubectl scale statefulset NAME --replicas=0", "docker stop NAME"


def steps() -> str:
    """The way back in, in the order in which it is done."""
    policy, deployment = HOLD_THE_OPERATOR
    commands = "\n".join(f"       {command}" for command in COMMANDS)
    return f"""On Jenkins' side
  1. If an administrator still gets in by browser: Manage Jenkins > 2FA Global Configurations, switch it off, save. That takes
     effect at once; do step 2 first, and you are done.

  2. Hold whatever would switch it on again.
     An operator in a cluster: suspend the policy, or stop the operator itself:
       {policy}
       {deployment}
     Configuration-as-code with `moGlobalConfig`: set enableTfa: false there.

  3. Stop Jenkins.
       {SYSTEMD}          on a host
       {DOCKER}               as a container; its home is the volume
       {HELM}
                                       in Kubernetes, by chart or by hand; mount its volume in a pod of your own for step 4

  4. In its home (JENKINS_HOME, often /var/lib/jenkins or /var/jenkins_home), as the user that Jenkins runs as:
{commands}
     Where nothing can be edited while it is stopped: do it while it runs, and stop it at once afterwards.
     Where init.groovy.d is mounted (gate.mode Provided) the file may stay: without 2FA the gate challenges nobody.

  5. Start Jenkins. People get in with their passwords alone.

  6. Find out what went wrong, then `jenkins2fa plan` and `apply`, or let the operator go on. The enrolment of users is still there."""
