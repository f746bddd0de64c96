using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Metrics;
using Fairlead.Ingress.Routes;
using Fairlead.Ingress.Routes.Objects;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Unit.Ingress.Routes;

/// <summary>Objects, briefly, and a builder that has them.</summary>
/// <param name="defaultBackend">Of all Ingresses.</param>
internal sealed class Some(BackendKey? defaultBackend = null)
{
    public const string Controller = "fairlead.dev/ingress";
    private readonly Dictionary<ObjectKey, SliceInfo> _slices = [];
    private int _age;

    public RouteTableBuilder Builder { get; } = new(new ClassRule(Controller, "fairlead", WithoutClass: true), new MetricsRegistry(), defaultBackend);

    public List<NewProblem> Problems { get; } = [];

    public IngressSnapshot Commit()
    {
        var (snapshot, problems) = Builder.Commit();
        Problems.AddRange(problems);
        return snapshot;
    }

    /// <summary>An Ingress, younger than those before it, of paths such as "Prefix /foo web:80".</summary>
    public Some Ingress(string name, string host, string[] paths, params (string Name, string Value)[] annotations)
    {
        Builder.SetIngress(new ObjectKey("default", name), IngressInfo.From(Make(name, host, paths, annotations)));
        return this;
    }

    public V1Ingress Make(string name, string host, string[] paths, params (string Name, string Value)[] annotations) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = name, NamespaceProperty = "default", Uid = $"uid-{name}", CreationTimestamp = new DateTime(2026, 1, 1).AddSeconds(_age++),
            Annotations = annotations.ToDictionary(pair => pair.Name.Contains('/') ? pair.Name : $"nginx.ingress.kubernetes.io/{pair.Name}", pair => pair.Value),
        },
        Spec = new V1IngressSpec
        {
            Rules = [new V1IngressRule { Host = host.Length == 0 ? null : host, Http = new V1HTTPIngressRuleValue { Paths = [.. paths.Select(Path)] } }],
        },
    };

    public static V1HTTPIngressPath Path(string text)
    {
        var words = text.Split(' ');
        return new V1HTTPIngressPath { PathType = words[0], Path = words[1], Backend = Backend(words.Length > 2 ? words[2] : "web:80") };
    }

    public static V1IngressBackend Backend(string text)
    {
        var parts = text.Split(':');
        return new V1IngressBackend
        {
            Service = new V1IngressServiceBackend
            {
                Name = parts[0],
                Port = int.TryParse(parts[1], out var number) ? new V1ServiceBackendPort { Number = number } : new V1ServiceBackendPort { Name = parts[1] },
            },
        };
    }

    public Some Service(string name, V1ServiceSpec spec)
    {
        Builder.SetService(new ObjectKey("default", name), ServiceInfo.From(new V1Service { Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "default", Uid = $"uid-{name}" }, Spec = spec }));
        return this;
    }

    public Some Secret(string name, params (string Key, string Value)[] data)
    {
        Builder.SetSecret(new ObjectKey("default", name), SecretInfo.From(new V1Secret { Data = data.ToDictionary(pair => pair.Key, pair => System.Text.Encoding.UTF8.GetBytes(pair.Value)) }));
        return this;
    }

    public Some Slice(string service, string suffix, Discoveryv1EndpointPort[] ports, params V1Endpoint[] endpoints)
    {
        var key = new ObjectKey("default", $"{service}-{suffix}");
        var slice = SliceInfo.From(new V1EndpointSlice
        {
            Metadata = new V1ObjectMeta { Name = key.Name, NamespaceProperty = "default", Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = service } },
            AddressType = "IPv4",
            Ports = ports,
            Endpoints = endpoints,
        })!;
        Builder.SetSlice(key, _slices.GetValueOrDefault(key), slice);
        _slices[key] = slice;
        return this;
    }

    public static V1Endpoint At(string address, string? pod = null, bool ready = true, bool draining = false) => new()
    {
        Addresses = [address],
        Conditions = new V1EndpointConditions { Ready = ready, Serving = ready || draining, Terminating = draining },
        TargetRef = pod is null ? null : new V1ObjectReference { Kind = "Pod", Name = pod },
    };
}
