import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.strimzi.api.kafka.model.connect.KafkaConnectSpec;
import io.strimzi.api.kafka.model.connector.KafkaConnectorSpec;
import io.strimzi.api.kafka.model.kafka.KafkaSpec;
import io.strimzi.api.kafka.model.nodepool.KafkaNodePoolSpec;
import io.strimzi.api.kafka.model.topic.KafkaTopicSpec;
import io.strimzi.api.kafka.model.user.KafkaUserSpec;
import java.io.PrintStream;
import java.util.*;

/**
 * Writes test/kubernetes/strimzi.ts: what Strimzi's own Java classes say of its resources, as types of TypeScript. With
 * the jars of io.strimzi:api and its dependencies in a folder: `java -cp "FOLDER/*" test/kubernetes/StrimziTypes.java`
 */
public class StrimziTypes {
  static final String VERSION = "0.49.1";
  static final ObjectMapper mapper = new ObjectMapper();
  static final Map<String, Class<?>> seen = new TreeMap<>();
  static final Deque<Class<?>> todo = new ArrayDeque<>();

  public static void main(String[] arguments) throws Exception {
    typeOf(KafkaSpec.class);
    typeOf(KafkaNodePoolSpec.class);
    typeOf(KafkaTopicSpec.class);
    typeOf(KafkaUserSpec.class);
    typeOf(KafkaConnectSpec.class);
    typeOf(KafkaConnectorSpec.class);
    Set<String> exported = Set.copyOf(seen.keySet());
    Map<String, String> texts = new TreeMap<>();
    while (!todo.isEmpty()) {
      Class<?> type = todo.poll();
      String name = type.getSimpleName();
      texts.put(name, (exported.contains(name) ? "export " : "") + declare(type));
    }
    try (PrintStream out = new PrintStream("test/kubernetes/strimzi.ts", "UTF-8")) {
      out.println("// Written by StrimziTypes.java from io.strimzi:api:" + VERSION + ".");
      out.println("import type * as core from \"kubernetes-models/v1\";");
      out.println("import type { INetworkPolicyPeer } from \"kubernetes-models/networking.k8s.io/v1\";");
      texts.values().forEach(text -> out.println("\n" + text));
    }
  }

  static String declare(Class<?> type) throws Exception {
    if (type.isEnum()) {
      List<String> values = new ArrayList<>();
      for (Object value : type.getEnumConstants()) values.add(mapper.writeValueAsString(value));
      return "type " + type.getSimpleName() + " = " + String.join(" | ", values) + ";";
    }
    JsonSubTypes subtypes = type.getDeclaredAnnotation(JsonSubTypes.class);
    if (subtypes != null) {
      List<String> members = new ArrayList<>();
      for (JsonSubTypes.Type member : subtypes.value())
        members.add("({ type: \"" + member.name() + "\" } & Omit<" + name(member.value()) + ", \"type\">)");
      return "type " + type.getSimpleName() + " = " + String.join(" | ", members) + ";";
    }
    StringBuilder out = new StringBuilder("interface " + type.getSimpleName() + " {\n");
    for (BeanPropertyDefinition property : propertiesOf(type)) {
      JavaType of = property.hasGetter() ? property.getGetter().getType() : property.getPrimaryType();
      out.append("  ").append(mapper.writeValueAsString(property.getName())).append(property.isRequired() ? "" : "?")
         .append(": ").append(typeOf(of)).append(";\n");
    }
    return out.append("}").toString();
  }

  static List<BeanPropertyDefinition> propertiesOf(Class<?> type) {
    List<BeanPropertyDefinition> found = new ArrayList<>(
        mapper.getSerializationConfig().introspect(mapper.constructType(type)).findProperties());
    found.removeIf(property -> property.getName().equals("additionalProperties"));
    found.sort(Comparator.comparing(BeanPropertyDefinition::getName));
    return found;
  }

  static String typeOf(Class<?> type) { return typeOf(mapper.constructType(type)); }

  static String typeOf(JavaType type) {
    Class<?> raw = type.getRawClass();
    if (type.isCollectionLikeType() || type.isArrayType()) return "Array<" + typeOf(type.getContentType()) + ">";
    if (type.isMapLikeType()) return "Record<string, " + typeOf(type.getContentType()) + ">";
    if (raw == String.class) return "string";
    if (raw == boolean.class || raw == Boolean.class) return "boolean";
    if (raw.isPrimitive() || Number.class.isAssignableFrom(raw)) return "number";
    if (raw == NetworkPolicyPeer.class) return "INetworkPolicyPeer";
    if (raw.getName().startsWith("io.fabric8.kubernetes.api.model.")) return "core.I" + raw.getSimpleName();
    if (!raw.getName().startsWith("io.strimzi.")) return "unknown";
    return name(raw);
  }

  static String name(Class<?> type) {
    if (seen.putIfAbsent(type.getSimpleName(), type) == null) todo.add(type);
    else if (seen.get(type.getSimpleName()) != type) throw new IllegalStateException("two classes: " + type);
    return type.getSimpleName();
  }
}
