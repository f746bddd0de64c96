using Fairlead.Ingress.Routes;
using Fairlead.Ingress.Routes.Objects;
using Fairlead.Unit.Ingress.Proxy;
using Fairlead.Unit.Ingress.Routes;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Ingress.Tls;

/// <summary>Which certificate serves a name.</summary>
public sealed class CertificateTests
{
    [Theory]
    [InlineData("a.example.com", "own")]
    [InlineData("A.EXAMPLE.com.", "own")]
    [InlineData("b.example.com", "wild")]
    [InlineData("x.b.example.com", null)]
    [InlineData("example.com", null)]
    [InlineData("", null)]
    public void Name_ItsOwn_ThenTheWildcardAboveIt_ThenNone(string name, string? secret)
    {
        var some = new Some();
        Secured(some, "one", "a.example.com", "own");
        Secured(some, "two", "*.example.com", "wild");
        Put(some, "default", "own");
        Put(some, "default", "wild");
        var snapshot = some.Commit();

        var found = snapshot.Certificates.Find(name);

        Assert.Equal(secret, found is null ? null : snapshot.Certificates.All.First(pair => ReferenceEquals(pair.Value.Certificate, found)).Value.Secret.Name);
    }

    /// <summary>Who may write Ingresses in one namespace gains nothing from another's keys.</summary>
    [Fact]
    public void Secret_OfAnotherNamespace_IsOutOfReach_AndAnEventSaysWhatIsMissing()
    {
        var some = new Some();
        Secured(some, "one", "a.example.com", "tls");
        Secured(some, "two", "b.example.com", "other/tls");
        Put(some, "other", "tls");

        var snapshot = some.Commit();

        Assert.Null(snapshot.Certificates.Find("a.example.com"));
        Assert.Null(snapshot.Certificates.Find("b.example.com"));
        Assert.Equal(["one", "two"], some.Problems.Where(problem => problem.Problem.Reason == "InvalidCertificate").Select(problem => problem.Ingress.Name).Order());
        Put(some, "default", "tls");
        Assert.NotNull(some.Commit().Certificates.Find("a.example.com"));
    }

    [Fact]
    public void Secret_ThatChanges_ServesTheNextHandshake_AndOneThatBreaksIsTold()
    {
        var some = new Some();
        Secured(some, "one", "a.example.com", "tls");
        Put(some, "default", "tls");
        var before = some.Commit();
        var first = before.Certificates.Find("a.example.com");
        Put(some, "default", "tls");
        var after = some.Commit();

        Assert.NotSame(first, after.Certificates.Find("a.example.com"));
        Assert.Same(first, before.Certificates.Find("a.example.com"));
        some.Secret("tls", ("tls.crt", "nonsense"), ("tls.key", "nonsense"));
        Assert.Null(some.Commit().Certificates.Find("a.example.com"));
        Assert.Equal("InvalidCertificate", Assert.Single(some.Problems).Problem.Reason);
    }

    private static void Secured(Some some, string name, string host, string secret)
    {
        var ingress = some.Make(name, host, ["Prefix /"]);
        ingress.Spec.Tls = [new V1IngressTLS { Hosts = [host], SecretName = secret }];
        some.Builder.SetIngress(new("default", name), IngressInfo.From(ingress));
    }

    private static void Put(Some some, string ns, string name)
    {
        using var certificate = Http2Tests.Certificate();
        using var key = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPrivateKey(certificate)!;
        some.Builder.SetSecret(new(ns, name), SecretInfo.From(new V1Secret
        {
            Data = new Dictionary<string, byte[]> { ["tls.crt"] = System.Text.Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()), ["tls.key"] = System.Text.Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()) },
        }));
    }
}
