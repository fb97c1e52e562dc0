package org.jenkinsci.plugins.matrixauth;

/** Whom a matrix entry is about. */
public enum AuthorizationType { USER, GROUP, EITHER }
