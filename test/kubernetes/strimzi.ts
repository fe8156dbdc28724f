// Written by StrimziTypes.java from io.strimzi:api:0.49.1.
import type * as core from "kubernetes-models/v1";
import type { INetworkPolicyPeer } from "kubernetes-models/networking.k8s.io/v1";

type AclOperation = "Read" | "Write" | "Create" | "Delete" | "Alter" | "Describe" | "ClusterAction" | "AlterConfigs" | "DescribeConfigs" | "IdempotentWrite" | "All";

type AclResourcePatternType = "literal" | "prefix";

interface AclRule {
  "host"?: string;
  "operation"?: AclOperation;
  "operations"?: Array<AclOperation>;
  "resource": AclRuleResource;
  "type"?: AclRuleType;
}

interface AclRuleClusterResource {
  "type"?: string;
}

interface AclRuleGroupResource {
  "name"?: string;
  "patternType"?: AclResourcePatternType;
  "type"?: string;
}

type AclRuleResource = ({ type: "topic" } & Omit<AclRuleTopicResource, "type">) | ({ type: "group" } & Omit<AclRuleGroupResource, "type">) | ({ type: "cluster" } & Omit<AclRuleClusterResource, "type">) | ({ type: "transactionalId" } & Omit<AclRuleTransactionalIdResource, "type">);

interface AclRuleTopicResource {
  "name"?: string;
  "patternType"?: AclResourcePatternType;
  "type"?: string;
}

interface AclRuleTransactionalIdResource {
  "name"?: string;
  "patternType"?: AclResourcePatternType;
  "type"?: string;
}

type AclRuleType = "allow" | "deny";

interface AdditionalVolume {
  "configMap"?: core.IConfigMapVolumeSource;
  "csi"?: core.ICSIVolumeSource;
  "emptyDir"?: EmptyDirVolume;
  "image"?: core.IImageVolumeSource;
  "name"?: string;
  "persistentVolumeClaim"?: core.IPersistentVolumeClaimVolumeSource;
  "secret"?: core.ISecretVolumeSource;
}

interface AlterOffsets {
  "fromConfigMap": core.ILocalObjectReference;
}

type Artifact = ({ type: "jar" } & Omit<JarArtifact, "type">) | ({ type: "tgz" } & Omit<TgzArtifact, "type">) | ({ type: "zip" } & Omit<ZipArtifact, "type">) | ({ type: "maven" } & Omit<MavenArtifact, "type">) | ({ type: "other" } & Omit<OtherArtifact, "type">);

interface AutoRestart {
  "enabled"?: boolean;
  "maxRestarts"?: number;
}

interface BrokerCapacity {
  "cpu"?: string;
  "cpuUtilization"?: number;
  "disk"?: string;
  "inboundNetwork"?: string;
  "outboundNetwork"?: string;
  "overrides"?: Array<BrokerCapacityOverride>;
}

interface BrokerCapacityOverride {
  "brokers": Array<number>;
  "cpu"?: string;
  "inboundNetwork"?: string;
  "outboundNetwork"?: string;
}

interface Build {
  "output": Output;
  "plugins": Array<Plugin>;
  "resources"?: core.IResourceRequirements;
}

interface BuildConfigTemplate {
  "metadata"?: MetadataTemplate;
  "pullSecret"?: string;
}

interface CertAndKeySecretSource {
  "certificate": string;
  "key": string;
  "secretName": string;
}

interface CertSecretSource {
  "certificate"?: string;
  "pattern"?: string;
  "secretName": string;
}

interface CertificateAuthority {
  "certificateExpirationPolicy"?: CertificateExpirationPolicy;
  "generateCertificateAuthority"?: boolean;
  "generateSecretOwnerReference"?: boolean;
  "renewalDays"?: number;
  "validityDays"?: number;
}

type CertificateExpirationPolicy = "renew-certificate" | "replace-key";

interface ClientTls {
  "trustedCertificates"?: Array<CertSecretSource>;
}

type ConnectorState = "paused" | "stopped" | "running";

interface ContainerEnvVar {
  "name"?: string;
  "value"?: string;
  "valueFrom"?: ContainerEnvVarSource;
}

interface ContainerEnvVarSource {
  "configMapKeyRef"?: core.IConfigMapKeySelector;
  "secretKeyRef"?: core.ISecretKeySelector;
}

interface ContainerTemplate {
  "env"?: Array<ContainerEnvVar>;
  "securityContext"?: core.ISecurityContext;
  "volumeMounts"?: Array<core.IVolumeMount>;
}

type CruiseControlApiUsers = ({ type: "hashLoginService" } & Omit<HashLoginServiceApiUsers, "type">);

interface CruiseControlSpec {
  "apiUsers"?: CruiseControlApiUsers;
  "autoRebalance"?: Array<KafkaAutoRebalanceConfiguration>;
  "brokerCapacity"?: BrokerCapacity;
  "config"?: Record<string, unknown>;
  "image"?: string;
  "jvmOptions"?: JvmOptions;
  "livenessProbe"?: Probe;
  "logging"?: Logging;
  "metricsConfig"?: MetricsConfig;
  "readinessProbe"?: Probe;
  "resources"?: core.IResourceRequirements;
  "template"?: CruiseControlTemplate;
  "tlsSidecar"?: TlsSidecar;
}

interface CruiseControlTemplate {
  "apiService"?: InternalServiceTemplate;
  "cruiseControlContainer"?: ContainerTemplate;
  "deployment"?: DeploymentTemplate;
  "pod"?: PodTemplate;
  "podDisruptionBudget"?: PodDisruptionBudgetTemplate;
  "serviceAccount"?: ResourceTemplate;
  "tlsSidecarContainer"?: ContainerTemplate;
}

type DeploymentStrategy = "RollingUpdate" | "Recreate";

interface DeploymentTemplate {
  "deploymentStrategy"?: DeploymentStrategy;
  "metadata"?: MetadataTemplate;
}

type DnsPolicy = "ClusterFirst" | "ClusterFirstWithHostNet" | "Default" | "None";

interface DockerOutput {
  "additionalBuildOptions"?: Array<string>;
  "additionalKanikoOptions"?: Array<string>;
  "additionalPushOptions"?: Array<string>;
  "image": string;
  "pushSecret"?: string;
  "type"?: string;
}

type EmptyDirMedium = "Memory";

interface EmptyDirVolume {
  "medium"?: EmptyDirMedium;
  "sizeLimit"?: string;
}

interface EntityOperatorSpec {
  "template"?: EntityOperatorTemplate;
  "tlsSidecar"?: TlsSidecar;
  "topicOperator"?: EntityTopicOperatorSpec;
  "userOperator"?: EntityUserOperatorSpec;
}

interface EntityOperatorTemplate {
  "deployment"?: DeploymentTemplate;
  "entityOperatorRole"?: ResourceTemplate;
  "pod"?: PodTemplate;
  "podDisruptionBudget"?: PodDisruptionBudgetTemplate;
  "serviceAccount"?: ResourceTemplate;
  "tlsSidecarContainer"?: ContainerTemplate;
  "topicOperatorContainer"?: ContainerTemplate;
  "topicOperatorRoleBinding"?: ResourceTemplate;
  "userOperatorContainer"?: ContainerTemplate;
  "userOperatorRoleBinding"?: ResourceTemplate;
}

interface EntityTopicOperatorSpec {
  "image"?: string;
  "jvmOptions"?: JvmOptions;
  "livenessProbe"?: Probe;
  "logging"?: Logging;
  "readinessProbe"?: Probe;
  "reconciliationIntervalMs"?: number;
  "reconciliationIntervalSeconds"?: number;
  "resources"?: core.IResourceRequirements;
  "startupProbe"?: Probe;
  "topicMetadataMaxAttempts"?: number;
  "watchedNamespace"?: string;
  "zookeeperSessionTimeoutSeconds"?: number;
}

interface EntityUserOperatorSpec {
  "image"?: string;
  "jvmOptions"?: JvmOptions;
  "livenessProbe"?: Probe;
  "logging"?: Logging;
  "readinessProbe"?: Probe;
  "reconciliationIntervalMs"?: number;
  "reconciliationIntervalSeconds"?: number;
  "resources"?: core.IResourceRequirements;
  "secretPrefix"?: string;
  "watchedNamespace"?: string;
  "zookeeperSessionTimeoutSeconds"?: number;
}

interface EphemeralStorage {
  "id"?: number;
  "kraftMetadata"?: KRaftMetadataStorage;
  "sizeLimit"?: string;
  "type"?: string;
}

interface ExternalConfiguration {
  "env"?: Array<ExternalConfigurationEnv>;
  "volumes"?: Array<ExternalConfigurationVolumeSource>;
}

interface ExternalConfigurationEnv {
  "name": string;
  "valueFrom": ExternalConfigurationEnvVarSource;
}

interface ExternalConfigurationEnvVarSource {
  "configMapKeyRef"?: core.IConfigMapKeySelector;
  "secretKeyRef"?: core.ISecretKeySelector;
}

interface ExternalConfigurationReference {
  "configMapKeyRef"?: core.IConfigMapKeySelector;
}

interface ExternalConfigurationVolumeSource {
  "configMap"?: core.IConfigMapVolumeSource;
  "name": string;
  "secret"?: core.ISecretVolumeSource;
}

interface ExternalLogging {
  "type"?: string;
  "valueFrom"?: ExternalConfigurationReference;
}

type ExternalTrafficPolicy = "Local" | "Cluster";

interface GenericKafkaListener {
  "authentication"?: KafkaListenerAuthentication;
  "configuration"?: GenericKafkaListenerConfiguration;
  "name": string;
  "networkPolicyPeers"?: Array<INetworkPolicyPeer>;
  "port": number;
  "tls": boolean;
  "type": KafkaListenerType;
}

interface GenericKafkaListenerConfiguration {
  "advertisedHostTemplate"?: string;
  "allocateLoadBalancerNodePorts"?: boolean;
  "bootstrap"?: GenericKafkaListenerConfigurationBootstrap;
  "brokerCertChainAndKey"?: CertAndKeySecretSource;
  "brokers"?: Array<GenericKafkaListenerConfigurationBroker>;
  "class"?: string;
  "createBootstrapService"?: boolean;
  "externalTrafficPolicy"?: ExternalTrafficPolicy;
  "finalizers"?: Array<string>;
  "hostTemplate"?: string;
  "ipFamilies"?: Array<IpFamily>;
  "ipFamilyPolicy"?: IpFamilyPolicy;
  "loadBalancerSourceRanges"?: Array<string>;
  "maxConnectionCreationRate"?: number;
  "maxConnections"?: number;
  "preferredNodePortAddressType"?: NodeAddressType;
  "publishNotReadyAddresses"?: boolean;
  "useServiceDnsDomain"?: boolean;
}

interface GenericKafkaListenerConfigurationBootstrap {
  "alternativeNames"?: Array<string>;
  "annotations"?: Record<string, string>;
  "externalIPs"?: Array<string>;
  "host"?: string;
  "labels"?: Record<string, string>;
  "loadBalancerIP"?: string;
  "nodePort"?: number;
}

interface GenericKafkaListenerConfigurationBroker {
  "advertisedHost"?: string;
  "advertisedPort"?: number;
  "annotations"?: Record<string, string>;
  "broker": number;
  "externalIPs"?: Array<string>;
  "host"?: string;
  "labels"?: Record<string, string>;
  "loadBalancerIP"?: string;
  "nodePort"?: number;
}

interface GenericSecretSource {
  "key": string;
  "secretName": string;
}

interface HashLoginServiceApiUsers {
  "type"?: string;
  "valueFrom": PasswordSource;
}

interface ImageArtifact {
  "pullPolicy"?: string;
  "reference": string;
  "type"?: string;
}

interface ImageStreamOutput {
  "image": string;
  "type"?: string;
}

interface InlineLogging {
  "loggers"?: Record<string, string>;
  "type"?: string;
}

interface InternalServiceTemplate {
  "ipFamilies"?: Array<IpFamily>;
  "ipFamilyPolicy"?: IpFamilyPolicy;
  "metadata"?: MetadataTemplate;
}

type IpFamily = "IPv4" | "IPv6";

type IpFamilyPolicy = "SingleStack" | "PreferDualStack" | "RequireDualStack";

interface JaegerTracing {
  "type"?: string;
}

interface JarArtifact {
  "insecure"?: boolean;
  "sha512sum"?: string;
  "type"?: string;
  "url"?: string;
}

interface JbodStorage {
  "type"?: string;
  "volumes"?: Array<SingleVolumeStorage>;
}

interface JmxPrometheusExporterMetrics {
  "type"?: string;
  "valueFrom"?: ExternalConfigurationReference;
}

interface JmxTransOutputDefinitionTemplate {
  "flushDelayInSeconds"?: number;
  "host"?: string;
  "name": string;
  "outputType": string;
  "port"?: number;
  "typeNames"?: Array<string>;
}

interface JmxTransQueryTemplate {
  "attributes": Array<string>;
  "outputs": Array<string>;
  "targetMBean": string;
}

interface JmxTransSpec {
  "image"?: string;
  "kafkaQueries": Array<JmxTransQueryTemplate>;
  "logLevel"?: string;
  "outputDefinitions": Array<JmxTransOutputDefinitionTemplate>;
  "resources"?: core.IResourceRequirements;
  "template"?: JmxTransTemplate;
}

interface JmxTransTemplate {
  "container"?: ContainerTemplate;
  "deployment"?: DeploymentTemplate;
  "pod"?: PodTemplate;
  "serviceAccount"?: ResourceTemplate;
}

interface JvmOptions {
  "-XX"?: Record<string, string>;
  "-Xms"?: string;
  "-Xmx"?: string;
  "gcLoggingEnabled"?: boolean;
  "javaSystemProperties"?: Array<SystemProperty>;
}

type KRaftMetadataStorage = "shared";

type KafkaAuthorization = ({ type: "simple" } & Omit<KafkaAuthorizationSimple, "type">) | ({ type: "opa" } & Omit<KafkaAuthorizationOpa, "type">) | ({ type: "keycloak" } & Omit<KafkaAuthorizationKeycloak, "type">) | ({ type: "custom" } & Omit<KafkaAuthorizationCustom, "type">);

interface KafkaAuthorizationCustom {
  "authorizerClass"?: string;
  "superUsers"?: Array<string>;
  "supportsAdminApi"?: boolean;
  "type"?: string;
}

interface KafkaAuthorizationKeycloak {
  "clientId"?: string;
  "connectTimeoutSeconds"?: number;
  "delegateToKafkaAcls"?: boolean;
  "disableTlsHostnameVerification"?: boolean;
  "enableMetrics"?: boolean;
  "grantsAlwaysLatest"?: boolean;
  "grantsGcPeriodSeconds"?: number;
  "grantsMaxIdleTimeSeconds"?: number;
  "grantsRefreshPeriodSeconds"?: number;
  "grantsRefreshPoolSize"?: number;
  "httpRetries"?: number;
  "includeAcceptHeader"?: boolean;
  "readTimeoutSeconds"?: number;
  "superUsers"?: Array<string>;
  "tlsTrustedCertificates"?: Array<CertSecretSource>;
  "tokenEndpointUri"?: string;
  "type"?: string;
}

interface KafkaAuthorizationOpa {
  "allowOnError"?: boolean;
  "enableMetrics"?: boolean;
  "expireAfterMs"?: number;
  "initialCacheCapacity"?: number;
  "maximumCacheSize"?: number;
  "superUsers"?: Array<string>;
  "tlsTrustedCertificates"?: Array<CertSecretSource>;
  "type"?: string;
  "url"?: string;
}

interface KafkaAuthorizationSimple {
  "superUsers"?: Array<string>;
  "type"?: string;
}

interface KafkaAutoRebalanceConfiguration {
  "mode": KafkaAutoRebalanceMode;
  "template"?: core.ILocalObjectReference;
}

type KafkaAutoRebalanceMode = "add-brokers" | "remove-brokers";

type KafkaClientAuthentication = ({ type: "tls" } & Omit<KafkaClientAuthenticationTls, "type">) | ({ type: "scram-sha-256" } & Omit<KafkaClientAuthenticationScramSha256, "type">) | ({ type: "scram-sha-512" } & Omit<KafkaClientAuthenticationScramSha512, "type">) | ({ type: "plain" } & Omit<KafkaClientAuthenticationPlain, "type">) | ({ type: "oauth" } & Omit<KafkaClientAuthenticationOAuth, "type">) | ({ type: "custom" } & Omit<KafkaClientAuthenticationCustom, "type">);

interface KafkaClientAuthenticationCustom {
  "config"?: Record<string, unknown>;
  "sasl"?: boolean;
  "type"?: string;
}

interface KafkaClientAuthenticationOAuth {
  "accessToken"?: GenericSecretSource;
  "accessTokenIsJwt"?: boolean;
  "accessTokenLocation"?: string;
  "audience"?: string;
  "clientAssertion"?: GenericSecretSource;
  "clientAssertionLocation"?: string;
  "clientAssertionType"?: string;
  "clientId"?: string;
  "clientSecret"?: GenericSecretSource;
  "connectTimeoutSeconds"?: number;
  "disableTlsHostnameVerification"?: boolean;
  "enableMetrics"?: boolean;
  "grantType"?: string;
  "httpRetries"?: number;
  "httpRetryPauseMs"?: number;
  "includeAcceptHeader"?: boolean;
  "maxTokenExpirySeconds"?: number;
  "passwordSecret"?: PasswordSecretSource;
  "readTimeoutSeconds"?: number;
  "refreshToken"?: GenericSecretSource;
  "saslExtensions"?: Record<string, string>;
  "scope"?: string;
  "tlsTrustedCertificates"?: Array<CertSecretSource>;
  "tokenEndpointUri"?: string;
  "type"?: string;
  "username"?: string;
}

interface KafkaClientAuthenticationPlain {
  "passwordSecret"?: PasswordSecretSource;
  "type"?: string;
  "username"?: string;
}

interface KafkaClientAuthenticationScramSha256 {
  "passwordSecret"?: PasswordSecretSource;
  "type"?: string;
  "username"?: string;
}

interface KafkaClientAuthenticationScramSha512 {
  "passwordSecret"?: PasswordSecretSource;
  "type"?: string;
  "username"?: string;
}

interface KafkaClientAuthenticationTls {
  "certificateAndKey"?: CertAndKeySecretSource;
  "type"?: string;
}

interface KafkaClusterSpec {
  "authorization"?: KafkaAuthorization;
  "brokerRackInitImage"?: string;
  "config"?: Record<string, unknown>;
  "image"?: string;
  "jmxOptions"?: KafkaJmxOptions;
  "jvmOptions"?: JvmOptions;
  "listeners": Array<GenericKafkaListener>;
  "livenessProbe"?: Probe;
  "logging"?: Logging;
  "metadataVersion"?: string;
  "metricsConfig"?: MetricsConfig;
  "quotas"?: QuotasPlugin;
  "rack"?: Rack;
  "readinessProbe"?: Probe;
  "replicas"?: number;
  "resources"?: core.IResourceRequirements;
  "storage"?: Storage;
  "template"?: KafkaClusterTemplate;
  "tieredStorage"?: TieredStorage;
  "version"?: string;
}

interface KafkaClusterTemplate {
  "bootstrapService"?: InternalServiceTemplate;
  "brokersService"?: InternalServiceTemplate;
  "clusterCaCert"?: ResourceTemplate;
  "clusterRoleBinding"?: ResourceTemplate;
  "externalBootstrapIngress"?: ResourceTemplate;
  "externalBootstrapRoute"?: ResourceTemplate;
  "externalBootstrapService"?: ResourceTemplate;
  "initContainer"?: ContainerTemplate;
  "jmxSecret"?: ResourceTemplate;
  "kafkaContainer"?: ContainerTemplate;
  "perPodIngress"?: ResourceTemplate;
  "perPodRoute"?: ResourceTemplate;
  "perPodService"?: ResourceTemplate;
  "persistentVolumeClaim"?: ResourceTemplate;
  "pod"?: PodTemplate;
  "podDisruptionBudget"?: PodDisruptionBudgetTemplate;
  "podSet"?: ResourceTemplate;
  "serviceAccount"?: ResourceTemplate;
  "statefulset"?: StatefulSetTemplate;
}

export interface KafkaConnectSpec {
  "authentication"?: KafkaClientAuthentication;
  "bootstrapServers": string;
  "build"?: Build;
  "clientRackInitImage"?: string;
  "config"?: Record<string, unknown>;
  "configStorageTopic"?: string;
  "externalConfiguration"?: ExternalConfiguration;
  "groupId"?: string;
  "image"?: string;
  "jmxOptions"?: KafkaJmxOptions;
  "jvmOptions"?: JvmOptions;
  "livenessProbe"?: Probe;
  "logging"?: Logging;
  "metricsConfig"?: MetricsConfig;
  "offsetStorageTopic"?: string;
  "plugins"?: Array<MountedPlugin>;
  "rack"?: Rack;
  "readinessProbe"?: Probe;
  "replicas"?: number;
  "resources"?: core.IResourceRequirements;
  "statusStorageTopic"?: string;
  "template"?: KafkaConnectTemplate;
  "tls"?: ClientTls;
  "tracing"?: Tracing;
  "version"?: string;
}

interface KafkaConnectTemplate {
  "apiService"?: InternalServiceTemplate;
  "buildConfig"?: BuildConfigTemplate;
  "buildContainer"?: ContainerTemplate;
  "buildPod"?: PodTemplate;
  "buildServiceAccount"?: ResourceTemplate;
  "clusterRoleBinding"?: ResourceTemplate;
  "connectContainer"?: ContainerTemplate;
  "deployment"?: DeploymentTemplate;
  "headlessService"?: InternalServiceTemplate;
  "initContainer"?: ContainerTemplate;
  "jmxSecret"?: ResourceTemplate;
  "pod"?: PodTemplate;
  "podDisruptionBudget"?: PodDisruptionBudgetTemplate;
  "podSet"?: ResourceTemplate;
  "serviceAccount"?: ResourceTemplate;
}

export interface KafkaConnectorSpec {
  "alterOffsets"?: AlterOffsets;
  "autoRestart"?: AutoRestart;
  "class"?: string;
  "config"?: Record<string, unknown>;
  "listOffsets"?: ListOffsets;
  "pause"?: boolean;
  "state"?: ConnectorState;
  "tasksMax"?: number;
  "version"?: string;
}

interface KafkaExporterSpec {
  "enableSaramaLogging"?: boolean;
  "groupExcludeRegex"?: string;
  "groupRegex"?: string;
  "image"?: string;
  "livenessProbe"?: Probe;
  "logging"?: string;
  "readinessProbe"?: Probe;
  "resources"?: core.IResourceRequirements;
  "showAllOffsets"?: boolean;
  "template"?: KafkaExporterTemplate;
  "topicExcludeRegex"?: string;
  "topicRegex"?: string;
}

interface KafkaExporterTemplate {
  "container"?: ContainerTemplate;
  "deployment"?: DeploymentTemplate;
  "pod"?: PodTemplate;
  "podDisruptionBudget"?: PodDisruptionBudgetTemplate;
  "service"?: ResourceTemplate;
  "serviceAccount"?: ResourceTemplate;
}

type KafkaJmxAuthentication = ({ type: "password" } & Omit<KafkaJmxAuthenticationPassword, "type">);

interface KafkaJmxAuthenticationPassword {
  "type"?: string;
}

interface KafkaJmxOptions {
  "authentication"?: KafkaJmxAuthentication;
}

type KafkaListenerAuthentication = ({ type: "tls" } & Omit<KafkaListenerAuthenticationTls, "type">) | ({ type: "scram-sha-512" } & Omit<KafkaListenerAuthenticationScramSha512, "type">) | ({ type: "oauth" } & Omit<KafkaListenerAuthenticationOAuth, "type">) | ({ type: "custom" } & Omit<KafkaListenerAuthenticationCustom, "type">);

interface KafkaListenerAuthenticationCustom {
  "listenerConfig"?: Record<string, unknown>;
  "sasl"?: boolean;
  "secrets"?: Array<GenericSecretSource>;
  "type"?: string;
}

interface KafkaListenerAuthenticationOAuth {
  "accessTokenIsJwt"?: boolean;
  "checkAccessTokenType"?: boolean;
  "checkAudience"?: boolean;
  "checkIssuer"?: boolean;
  "clientAudience"?: string;
  "clientGrantType"?: string;
  "clientId"?: string;
  "clientScope"?: string;
  "clientSecret"?: GenericSecretSource;
  "connectTimeoutSeconds"?: number;
  "customClaimCheck"?: string;
  "disableTlsHostnameVerification"?: boolean;
  "enableECDSA"?: boolean;
  "enableMetrics"?: boolean;
  "enableOauthBearer"?: boolean;
  "enablePlain"?: boolean;
  "failFast"?: boolean;
  "fallbackUserNameClaim"?: string;
  "fallbackUserNamePrefix"?: string;
  "groupsClaim"?: string;
  "groupsClaimDelimiter"?: string;
  "httpRetries"?: number;
  "httpRetryPauseMs"?: number;
  "includeAcceptHeader"?: boolean;
  "introspectionEndpointUri"?: string;
  "jwksEndpointUri"?: string;
  "jwksExpirySeconds"?: number;
  "jwksIgnoreKeyUse"?: boolean;
  "jwksMinRefreshPauseSeconds"?: number;
  "jwksRefreshSeconds"?: number;
  "maxSecondsWithoutReauthentication"?: number;
  "readTimeoutSeconds"?: number;
  "serverBearerTokenLocation"?: string;
  "tlsTrustedCertificates"?: Array<CertSecretSource>;
  "tokenEndpointUri"?: string;
  "type"?: string;
  "userInfoEndpointUri"?: string;
  "userNameClaim"?: string;
  "userNamePrefix"?: string;
  "validIssuerUri"?: string;
  "validTokenType"?: string;
}

interface KafkaListenerAuthenticationScramSha512 {
  "type"?: string;
}

interface KafkaListenerAuthenticationTls {
  "type"?: string;
}

type KafkaListenerType = "internal" | "route" | "loadbalancer" | "nodeport" | "ingress" | "cluster-ip";

export interface KafkaNodePoolSpec {
  "jvmOptions"?: JvmOptions;
  "replicas": number;
  "resources"?: core.IResourceRequirements;
  "roles": Array<ProcessRoles>;
  "storage": Storage;
  "template"?: KafkaNodePoolTemplate;
}

interface KafkaNodePoolTemplate {
  "initContainer"?: ContainerTemplate;
  "kafkaContainer"?: ContainerTemplate;
  "perPodIngress"?: ResourceTemplate;
  "perPodRoute"?: ResourceTemplate;
  "perPodService"?: ResourceTemplate;
  "persistentVolumeClaim"?: ResourceTemplate;
  "pod"?: PodTemplate;
  "podSet"?: ResourceTemplate;
}

export interface KafkaSpec {
  "clientsCa"?: CertificateAuthority;
  "clusterCa"?: CertificateAuthority;
  "cruiseControl"?: CruiseControlSpec;
  "entityOperator"?: EntityOperatorSpec;
  "jmxTrans"?: JmxTransSpec;
  "kafka": KafkaClusterSpec;
  "kafkaExporter"?: KafkaExporterSpec;
  "maintenanceTimeWindows"?: Array<string>;
  "zookeeper"?: ZookeeperClusterSpec;
}

export interface KafkaTopicSpec {
  "config"?: Record<string, unknown>;
  "partitions"?: number;
  "replicas"?: number;
  "topicName"?: string;
}

type KafkaUserAuthentication = ({ type: "tls" } & Omit<KafkaUserTlsClientAuthentication, "type">) | ({ type: "tls-external" } & Omit<KafkaUserTlsExternalClientAuthentication, "type">) | ({ type: "scram-sha-512" } & Omit<KafkaUserScramSha512ClientAuthentication, "type">);

type KafkaUserAuthorization = ({ type: "simple" } & Omit<KafkaUserAuthorizationSimple, "type">);

interface KafkaUserAuthorizationSimple {
  "acls": Array<AclRule>;
  "type"?: string;
}

interface KafkaUserQuotas {
  "consumerByteRate"?: number;
  "controllerMutationRate"?: number;
  "producerByteRate"?: number;
  "requestPercentage"?: number;
}

interface KafkaUserScramSha512ClientAuthentication {
  "password"?: Password;
  "type"?: string;
}

export interface KafkaUserSpec {
  "authentication"?: KafkaUserAuthentication;
  "authorization"?: KafkaUserAuthorization;
  "quotas"?: KafkaUserQuotas;
  "template"?: KafkaUserTemplate;
}

interface KafkaUserTemplate {
  "secret"?: ResourceTemplate;
}

interface KafkaUserTlsClientAuthentication {
  "type"?: string;
}

interface KafkaUserTlsExternalClientAuthentication {
  "type"?: string;
}

interface ListOffsets {
  "toConfigMap": core.ILocalObjectReference;
}

type Logging = ({ type: "inline" } & Omit<InlineLogging, "type">) | ({ type: "external" } & Omit<ExternalLogging, "type">);

interface MavenArtifact {
  "artifact"?: string;
  "group"?: string;
  "insecure"?: boolean;
  "repository"?: string;
  "type"?: string;
  "version"?: string;
}

interface MetadataTemplate {
  "annotations"?: Record<string, string>;
  "labels"?: Record<string, string>;
}

type MetricsConfig = ({ type: "jmxPrometheusExporter" } & Omit<JmxPrometheusExporterMetrics, "type">) | ({ type: "strimziMetricsReporter" } & Omit<StrimziMetricsReporter, "type">);

type MountedArtifact = ({ type: "image" } & Omit<ImageArtifact, "type">);

interface MountedPlugin {
  "artifacts": Array<MountedArtifact>;
  "name": string;
}

type NodeAddressType = "ExternalIP" | "ExternalDNS" | "InternalIP" | "InternalDNS" | "Hostname";

interface OpenTelemetryTracing {
  "type"?: string;
}

interface OtherArtifact {
  "fileName"?: string;
  "insecure"?: boolean;
  "sha512sum"?: string;
  "type"?: string;
  "url"?: string;
}

type Output = ({ type: "docker" } & Omit<DockerOutput, "type">) | ({ type: "imagestream" } & Omit<ImageStreamOutput, "type">);

interface Password {
  "valueFrom": PasswordSource;
}

interface PasswordSecretSource {
  "password": string;
  "secretName": string;
}

interface PasswordSource {
  "secretKeyRef"?: core.ISecretKeySelector;
}

interface PersistentClaimStorage {
  "class"?: string;
  "deleteClaim"?: boolean;
  "id"?: number;
  "kraftMetadata"?: KRaftMetadataStorage;
  "overrides"?: Array<PersistentClaimStorageOverride>;
  "selector"?: Record<string, string>;
  "size"?: string;
  "type"?: string;
  "volumeAttributesClass"?: string;
}

interface PersistentClaimStorageOverride {
  "broker"?: number;
  "class"?: string;
}

interface Plugin {
  "artifacts": Array<Artifact>;
  "name": string;
}

interface PodDisruptionBudgetTemplate {
  "maxUnavailable"?: number;
  "metadata"?: MetadataTemplate;
}

type PodManagementPolicy = "OrderedReady" | "Parallel";

interface PodTemplate {
  "affinity"?: core.IAffinity;
  "dnsConfig"?: core.IPodDNSConfig;
  "dnsPolicy"?: DnsPolicy;
  "enableServiceLinks"?: boolean;
  "hostAliases"?: Array<core.IHostAlias>;
  "imagePullSecrets"?: Array<core.ILocalObjectReference>;
  "metadata"?: MetadataTemplate;
  "priorityClassName"?: string;
  "schedulerName"?: string;
  "securityContext"?: core.IPodSecurityContext;
  "terminationGracePeriodSeconds"?: number;
  "tmpDirSizeLimit"?: string;
  "tolerations"?: Array<core.IToleration>;
  "topologySpreadConstraints"?: Array<core.ITopologySpreadConstraint>;
  "volumes"?: Array<AdditionalVolume>;
}

interface Probe {
  "failureThreshold"?: number;
  "initialDelaySeconds"?: number;
  "periodSeconds"?: number;
  "successThreshold"?: number;
  "timeoutSeconds"?: number;
}

type ProcessRoles = "controller" | "broker";

type QuotasPlugin = ({ type: "kafka" } & Omit<QuotasPluginKafka, "type">) | ({ type: "strimzi" } & Omit<QuotasPluginStrimzi, "type">);

interface QuotasPluginKafka {
  "consumerByteRate"?: number;
  "controllerMutationRate"?: number;
  "producerByteRate"?: number;
  "requestPercentage"?: number;
  "type"?: string;
}

interface QuotasPluginStrimzi {
  "consumerByteRate"?: number;
  "excludedPrincipals"?: Array<string>;
  "minAvailableBytesPerVolume"?: number;
  "minAvailableRatioPerVolume"?: number;
  "producerByteRate"?: number;
  "type"?: string;
}

interface Rack {
  "topologyKey": string;
}

interface RemoteStorageManager {
  "className"?: string;
  "classPath"?: string;
  "config"?: Record<string, string>;
}

interface ResourceTemplate {
  "metadata"?: MetadataTemplate;
}

type SingleVolumeStorage = ({ type: "ephemeral" } & Omit<EphemeralStorage, "type">) | ({ type: "persistent-claim" } & Omit<PersistentClaimStorage, "type">);

interface StatefulSetTemplate {
  "metadata"?: MetadataTemplate;
  "podManagementPolicy"?: PodManagementPolicy;
}

type Storage = ({ type: "ephemeral" } & Omit<EphemeralStorage, "type">) | ({ type: "persistent-claim" } & Omit<PersistentClaimStorage, "type">) | ({ type: "jbod" } & Omit<JbodStorage, "type">);

interface StrimziMetricsReporter {
  "type"?: string;
  "values"?: StrimziMetricsReporterValues;
}

interface StrimziMetricsReporterValues {
  "allowList"?: Array<string>;
}

interface SystemProperty {
  "name"?: string;
  "value"?: string;
}

interface TgzArtifact {
  "insecure"?: boolean;
  "sha512sum"?: string;
  "type"?: string;
  "url"?: string;
}

type TieredStorage = ({ type: "custom" } & Omit<TieredStorageCustom, "type">);

interface TieredStorageCustom {
  "remoteStorageManager"?: RemoteStorageManager;
  "type"?: string;
}

interface TlsSidecar {
  "image"?: string;
  "livenessProbe"?: Probe;
  "logLevel"?: TlsSidecarLogLevel;
  "readinessProbe"?: Probe;
  "resources"?: core.IResourceRequirements;
}

type TlsSidecarLogLevel = "emerg" | "alert" | "crit" | "err" | "warning" | "notice" | "info" | "debug";

type Tracing = ({ type: "jaeger" } & Omit<JaegerTracing, "type">) | ({ type: "opentelemetry" } & Omit<OpenTelemetryTracing, "type">);

interface ZipArtifact {
  "insecure"?: boolean;
  "sha512sum"?: string;
  "type"?: string;
  "url"?: string;
}

interface ZookeeperClusterSpec {
  "config"?: Record<string, unknown>;
  "image"?: string;
  "jmxOptions"?: KafkaJmxOptions;
  "jvmOptions"?: JvmOptions;
  "livenessProbe"?: Probe;
  "logging"?: Logging;
  "metricsConfig"?: MetricsConfig;
  "readinessProbe"?: Probe;
  "replicas": number;
  "resources"?: core.IResourceRequirements;
  "storage": SingleVolumeStorage;
  "template"?: ZookeeperClusterTemplate;
}

interface ZookeeperClusterTemplate {
  "clientService"?: InternalServiceTemplate;
  "jmxSecret"?: ResourceTemplate;
  "nodesService"?: InternalServiceTemplate;
  "persistentVolumeClaim"?: ResourceTemplate;
  "pod"?: PodTemplate;
  "podDisruptionBudget"?: PodDisruptionBudgetTemplate;
  "podSet"?: ResourceTemplate;
  "serviceAccount"?: ResourceTemplate;
  "statefulset"?: StatefulSetTemplate;
  "zookeeperContainer"?: ContainerTemplate;
}
