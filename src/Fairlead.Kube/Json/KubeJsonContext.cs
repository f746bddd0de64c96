using System.Text.Json;
using System.Text.Json.Serialization;
using k8s.Models;

namespace Fairlead.Kube.Json;

/// <summary>
/// Metadata for the kinds that Fairlead's parts read and write, and no others: KubernetesClient's own context covers
/// every kind of Kubernetes, which would more than double the binary and the time to build it.
/// </summary>
[JsonSerializable(typeof(V1Namespace))]
[JsonSerializable(typeof(V1Node))]
[JsonSerializable(typeof(V1Pod))]
[JsonSerializable(typeof(V1Service))]
[JsonSerializable(typeof(V1Endpoints))]
[JsonSerializable(typeof(V1EndpointSlice))]
[JsonSerializable(typeof(V1ReplicationController))]
[JsonSerializable(typeof(V1Deployment))]
[JsonSerializable(typeof(V1ReplicaSet))]
[JsonSerializable(typeof(V1StatefulSet))]
[JsonSerializable(typeof(V1DaemonSet))]
[JsonSerializable(typeof(V1ControllerRevision))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(Corev1Event))]
[JsonSerializable(typeof(V1ConfigMap))]
[JsonSerializable(typeof(V1Secret))]
[JsonSerializable(typeof(V1ServiceAccount))]
[JsonSerializable(typeof(V1Lease))]
[JsonSerializable(typeof(V1ServiceCIDR))]
[JsonSerializable(typeof(V1Ingress))]
[JsonSerializable(typeof(V1IngressClass))]
[JsonSerializable(typeof(V1CertificateSigningRequest))]
[JsonSerializable(typeof(V1SubjectAccessReview))]
[JsonSerializable(typeof(V1RuntimeClass))]
[JsonSerializable(typeof(V1ClusterRole))]
[JsonSerializable(typeof(V1PodList))]
[JsonSerializable(typeof(V1APIGroupList))]
[JsonSerializable(typeof(V1APIResourceList))]
[JsonSerializable(typeof(V1Status))]
[JsonSerializable(typeof(V1ListMeta))]
[JsonSerializable(typeof(V1DeleteOptions))]
[JsonSerializable(typeof(V1Binding))]
[JsonSerializable(typeof(Authenticationv1TokenRequest))]
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
internal sealed partial class KubeJsonContext : JsonSerializerContext;
