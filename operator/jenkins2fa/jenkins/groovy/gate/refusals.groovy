/** A refusal with a name that the operator knows (the class name crosses the wire). */
class TrialPending extends RuntimeException { TrialPending(String message) { super(message) } }
class OwnedElsewhere extends RuntimeException { OwnedElsewhere(String message) { super(message) } }
class QuietingDown extends RuntimeException { QuietingDown(String message) { super(message) } }
class NotPersisted extends RuntimeException { NotPersisted(String message) { super(message) } }
class NoteDamaged extends RuntimeException { NoteDamaged(String message) { super(message) } }
class NothingToRestore extends RuntimeException { NothingToRestore(String message) { super(message) } }
