import type { ClusterSpec } from "@cdk8s-kit/crds/pg";
import type { IScaledObject, ITriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import type { IDeployment } from "kubernetes-models/apps/v1";
import type { IHorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import type { IJob } from "kubernetes-models/batch/v1";
import type { INetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1";
import type { IConfigMap, INamespace, IPersistentVolumeClaim, IService, IServiceAccount } from "kubernetes-models/v1";
import type {
  KafkaConnectorSpec,
  KafkaConnectSpec,
  KafkaNodePoolSpec,
  KafkaSpec,
  KafkaTopicSpec,
  KafkaUserSpec,
} from "./strimzi.ts";

/**
 * The type of every kind of resource in deploy/kubernetes. Those of Kubernetes, KEDA and CloudNativePG come from
 * packages that are made from their schemas; Strimzi's are made from its Java classes. They know fields, their types and
 * which of them are required; few of them know a field's values.
 */
export interface Kinds {
  "apps/v1 Deployment": IDeployment;
  "autoscaling/v2 HorizontalPodAutoscaler": IHorizontalPodAutoscaler;
  "batch/v1 Job": IJob;
  "networking.k8s.io/v1 NetworkPolicy": INetworkPolicy;
  "policy/v1 PodDisruptionBudget": IPodDisruptionBudget;
  "v1 ConfigMap": IConfigMap;
  "v1 Namespace": INamespace;
  "v1 PersistentVolumeClaim": IPersistentVolumeClaim;
  "v1 Service": IService;
  "v1 ServiceAccount": IServiceAccount;

  "keda.sh/v1alpha1 ScaledObject": IScaledObject;
  "keda.sh/v1alpha1 TriggerAuthentication": ITriggerAuthentication;

  "kafka.strimzi.io/v1 Kafka": Resource<KafkaSpec>;
  "kafka.strimzi.io/v1 KafkaConnect": Resource<KafkaConnectSpec>;
  "kafka.strimzi.io/v1 KafkaConnector": Resource<KafkaConnectorSpec>;
  "kafka.strimzi.io/v1 KafkaNodePool": Resource<KafkaNodePoolSpec>;
  "kafka.strimzi.io/v1 KafkaTopic": Resource<KafkaTopicSpec>;
  "kafka.strimzi.io/v1 KafkaUser": Resource<KafkaUserSpec>;

  "postgresql.cnpg.io/v1 Cluster": Resource<Plain<ClusterSpec>>;

  // No package has the types of these two. The first has little more; of the second, nothing checks the fields.
  "postgresql.cnpg.io/v1 Database": Resource<{ cluster: { name: string }; name: string; owner: string }>;
  "k8ssandra.io/v1alpha1 K8ssandraCluster": Resource<object>;
}

interface Resource<Spec> extends Pick<IDeployment, "metadata"> {
  apiVersion: string;
  kind: string;
  spec: Spec;
}

/** Names that cdk8s writes in its own way. */
interface Renamed {
  pgHba: "pg_hba";
  postInitApplicationSql: "postInitApplicationSQL";
}

/** A type of cdk8s as it is in YAML: the members of an enum are their texts, and quantities are texts or numbers. */
type Plain<T> = T extends string
  ? `${T}`
  : T extends readonly (infer Item)[]
    ? readonly Plain<Item>[]
    : T extends { value: unknown }
      ? string | number
      : T extends object
        ? { [Key in keyof T as Key extends keyof Renamed ? Renamed[Key] : Key]: Plain<T[Key]> }
        : T;
