using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Doctor.Diagnose;
using Fairlead.Doctor.Snapshot;
using Fairlead.Kube;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Doctor;

public sealed class IngressFaultTests
{
    private static readonly Dictionary<string, (Func<IngressCase, IngressCase> Harm, string Code, string Says)> Faults = new()
    {
        ["wrong class"] = (c => With(c, ingress => ingress.Spec.IngressClassName = "nginx"), "ingress-class-missing", "\"ingressClassName\":\"fairlead\""),
        ["no class, no default"] = (c => With(c, ingress => ingress.Spec.IngressClassName = null), "ingress-no-class", "classes there are: fairlead"),
        ["nobody took it"] = (c => With(c, ingress => ingress.Status = null), "ingress-no-address", "no controller of class fairlead has taken it"),
        ["TLS secret missing"] = (c => c with { Secrets = [new TlsSecret(new ObjectKey("default", "tls"), null)] }, "tls-secret-missing", "create secret tls tls"),
        ["TLS secret of another kind"] = (c => c with { Secrets = [Secret(new Dictionary<string, byte[]> { ["auth"] = [] })] }, "tls-secret-incomplete", "the keys auth"),
        ["certificate for another host"] = (c => c with { Secrets = [Secret(Certificate("other.example.com", 1))] }, "tls-certificate", "not for kubia.example.com"),
        ["certificate expired"] = (c => c with { Secrets = [Secret(Certificate("kubia.example.com", -1))] }, "tls-certificate", "it was valid until 2029-12-31"),
        ["certificate is none"] = (c => c with { Secrets = [Secret(new Dictionary<string, byte[]> { ["tls.crt"] = "x"u8.ToArray(), ["tls.key"] = [] })] }, "tls-certificate", "no certificate in PEM"),
        ["no such service"] = (c => c with { Backends = [] }, "backend-service-missing", "answered with 503"),
        ["the service's target port"] = (c => With(c, ingress => ingress.Spec.Rules[0].Http.Paths[0].Backend.Service.Port = new V1ServiceBackendPort { Number = 8080 }), "backend-port-missing", "which is the service's target port"),
        ["another Ingress has the rule"] = (c => c with { All = [Ingress("older", 0), c.Ingress] }, "ingress-shadowed", "ingress/older of namespace default has it already"),
        ["its controller warns"] = (c => c with { Events = [Given.Event("Ingress", "kubia", "BadAnnotation", "not a number")] }, "ingress-warned", "not a number"),
        ["its address is silent"] = (c => c with { Seen = new Observations { HasNodes = true, Requests = [new HttpSeen("this machine", "http://a/", "kubia.example.com", null, "refused", TimeSpan.Zero)] } }, "ingress-silent", "refused"),
        ["its backend's fault"] = (c => c with { Backends = [Given.Healthy() with { Service = Given.Service("app=kubbia"), Slices = [] }] }, "selector-matches-nothing", "app=kubia"),
    };

    public static TheoryData<string> Names => [.. Faults.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Ingress_WithAFault_FindsIt(string fault)
    {
        var (harm, code, says) = Faults[fault];

        var diagnosis = Judge.Ingress(harm(Healthy()));

        var found = diagnosis.Findings.Where(finding => finding.Code == code).ToList();
        Assert.True(found.Count > 0, $"found {string.Join(", ", diagnosis.Findings.Select(finding => finding.Code))}");
        Assert.Contains(found, finding => $"{finding.What} {finding.How} {finding.Mend}".Contains(says, StringComparison.Ordinal));
    }

    [Fact]
    public void Ingress_Healthy_HasNoFinding() => Assert.Empty(Judge.Ingress(Healthy()).Findings);

    /// <summary>https://kubernetes.io/docs/concepts/services-networking/ingress/#examples and #hostname-wildcards.</summary>
    [Theory]
    [InlineData("a.example.com", "/foo", "exact-host /foo")]
    [InlineData("a.example.com", "/foo/bar/x", "exact-host /foo/bar")]
    [InlineData("a.example.com", "/foobar", null)]
    [InlineData("a.example.com", "/only", "exact-host /only")]
    [InlineData("a.example.com", "/only/", null)]
    [InlineData("b.example.com", "/", "wildcard /")]
    [InlineData("x.b.example.com", "/", "none /")]
    [InlineData("example.com", "/", "none /")]
    public void Route_OfHostAndPath_IsTheMostSpecific(string host, string path, string? expected)
    {
        V1Ingress[] all = [Rules("none", null, ("/", "Prefix")), Rules("wildcard", "*.example.com", ("/", "Prefix")), Rules("exact-host", "a.example.com", ("/foo", "Prefix"), ("/foo/bar", "Prefix"), ("/only", "Exact"))];

        var chosen = RouteChoice.Choose(all, host, path);

        Assert.Equal(expected, chosen is null ? null : $"{chosen.Ingress.Metadata.Name} {chosen.Path!.Path}");
    }

    private static IngressCase Healthy()
    {
        var ingress = Ingress("kubia", 1);
        return new IngressCase
        {
            Ingress = ingress, All = [ingress], Now = Given.Now, Backends = [Given.Healthy()],
            Classes = [new V1IngressClass { Metadata = new V1ObjectMeta { Name = "fairlead" } }],
            Secrets = [Secret(Certificate("kubia.example.com", 1))],
            Seen = new Observations { HasNodes = true, Requests = [new HttpSeen("this machine", "http://a/", "kubia.example.com", 200, null, TimeSpan.Zero)] },
        };
    }

    private static V1Ingress Ingress(string name, int age)
    {
        var ingress = Rules(name, "kubia.example.com", ("/", "Prefix"));
        ingress.Metadata.CreationTimestamp = Given.Now.UtcDateTime.AddMinutes(age);
        ingress.Spec.IngressClassName = "fairlead";
        ingress.Spec.Tls = [new V1IngressTLS { Hosts = ["kubia.example.com"], SecretName = "tls" }];
        ingress.Status = new V1IngressStatus { LoadBalancer = new V1IngressLoadBalancerStatus { Ingress = [new V1IngressLoadBalancerIngress { Ip = "172.18.0.200" }] } };
        return ingress;
    }

    private static V1Ingress Rules(string name, string? host, params (string Path, string Type)[] paths) => new()
    {
        Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "default", Uid = name },
        Spec = new V1IngressSpec
        {
            Rules = [new V1IngressRule
            {
                Host = host,
                Http = new V1HTTPIngressRuleValue
                {
                    Paths = [.. paths.Select(path => new V1HTTPIngressPath { Path = path.Path, PathType = path.Type, Backend = new V1IngressBackend { Service = new V1IngressServiceBackend { Name = "kubia", Port = new V1ServiceBackendPort { Number = 80 } } } })],
                },
            }],
        },
    };

    private static TlsSecret Secret(Dictionary<string, byte[]> data) => new(new ObjectKey("default", "tls"), new V1Secret { Type = "kubernetes.io/tls", Data = data });

    private static Dictionary<string, byte[]> Certificate(string host, int days)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(Given.Now.AddDays(-10), Given.Now.AddDays(days));
        return new() { ["tls.crt"] = Encoding.UTF8.GetBytes(certificate.ExportCertificatePem()), ["tls.key"] = Encoding.UTF8.GetBytes(key.ExportPkcs8PrivateKeyPem()) };
    }

    private static IngressCase With(IngressCase given, Action<V1Ingress> change)
    {
        change(given.Ingress);
        return given;
    }
}
