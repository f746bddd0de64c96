using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Security;
using Fairlead.Kube.Certificates;
using Fairlead.Kube.Client;
using Fairlead.Unit.ApiServer.HTTP;
using Xunit;

namespace Fairlead.Unit.ApiServer.Security;

/// <summary>Kubernetes documentation: "Certificates and Certificate Signing Requests".</summary>
public sealed class CertificateRequestTests : ApiTest
{
    private const string Path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

    [Fact]
    public async Task Create_RequestorIsWhoAsks_WhateverTheBodySays()
    {
        using var client = TestApiServer.ClientFor(Server.Authority, Server.Address, User.NodeNamePrefix + "n1", User.Nodes);
        var made = await new Api(client).DoAsync("POST", Path, Body("r", more: ""","username":"admin","groups":["system:masters"],"uid":"7" """));
        Assert.Equal("system:node:n1", (string?)made["spec"]!["username"]);
        Assert.Equal(["system:nodes", "system:authenticated"], made["spec"]!["groups"]!.AsArray().Select(group => (string?)group));
        Assert.Null(made["spec"]!["uid"]);
        var changed = await Requests.DoAsync("PATCH", $"{Path}/r", """{"spec":{"username":"admin"},"status":{"certificate":"eA=="}}""", "application/merge-patch+json");
        Assert.Equal("system:node:n1", (string?)changed["spec"]!["username"]);
        Assert.Null(changed["status"]?["certificate"]);
    }

    [Theory]
    [InlineData("""{"signerName":"example.com/s","usages":["client auth"]}""", "spec.request: Required value")]
    [InlineData("""{"request":"eA==","signerName":"example.com/s","usages":["client auth"]}""", "PEM block type must be CERTIFICATE REQUEST")]
    [InlineData("""{"request":"R","usages":["client auth"]}""", "spec.signerName: Required value")]
    [InlineData("""{"request":"R","signerName":"s","usages":["client auth"]}""", "must be a fully qualified domain and path")]
    [InlineData("""{"request":"R","signerName":"example.com/s"}""", "spec.usages: Required value")]
    [InlineData("""{"request":"R","signerName":"example.com/s","usages":["fishing"]}""", "spec.usages[0]: Unsupported value: \"fishing\"")]
    [InlineData("""{"request":"R","signerName":"example.com/s","usages":["client auth"],"expirationSeconds":599}""", "may not specify a duration less than 600 seconds")]
    public async Task Create_WhatCannotBeSigned_Refused(string spec, string message)
    {
        var (code, answer) = await Requests.SendAsync("POST", Path, $$"""{"metadata":{"name":"r"},"spec":{{spec.Replace("\"R\"", $"\"{Request("CN=a")}\"", StringComparison.Ordinal)}} }""");
        Assert.Equal(422, code);
        Assert.Contains(message, (string?)answer["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_ClientCertificateOfAMaster_Forbidden()
    {
        var (code, _) = await Requests.SendAsync("POST", Path, Body("r", Signers.Client, "O=system:masters, CN=a"));
        Assert.Equal(403, code);
    }

    [Fact]
    public async Task Approval_TwiceOrTakenBack_Refused()
    {
        await Requests.DoAsync("POST", Path, Body("r"));
        var approved = await Requests.DoAsync("PATCH", $"{Path}/r/approval", Conditions("Approved"), "application/merge-patch+json");
        Assert.NotNull(approved["status"]!["conditions"]![0]!["lastTransitionTime"]);
        var (both, _) = await Requests.SendAsync("PATCH", $"{Path}/r/approval", Conditions("Approved", "Denied"), "application/merge-patch+json");
        Assert.Equal(422, both);
        var (back, answer) = await Requests.SendAsync("PATCH", $"{Path}/r/approval", """{"status":{"conditions":[]}}""", "application/merge-patch+json");
        Assert.Equal(422, back);
        Assert.Contains("updates may not remove a condition of type \"Approved\"", (string?)answer["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_CertificateOnceSet_StaysAndDecisionsAreNotItsToMake()
    {
        await Requests.DoAsync("POST", Path, Body("r"));
        var issued = await Requests.DoAsync("PATCH", $"{Path}/r/status", """{"status":{"certificate":"eA==","conditions":[{"type":"Approved","status":"True"}]}}""", "application/merge-patch+json");
        Assert.Null(issued["status"]!["conditions"]);
        var (code, _) = await Requests.SendAsync("PATCH", $"{Path}/r/status", """{"status":{"certificate":"eQ=="}}""", "application/merge-patch+json");
        Assert.Equal(422, code);
    }

    [Fact]
    public async Task Approval_WithoutTheRightForTheSigner_Forbidden()
    {
        await Requests.DoAsync("POST", Path, Body("r", "example.com/mine"));
        await Requests.DoAsync("POST", Path, Body("s", "example.org/other"));
        await Requests.DoAsync("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", """
            {"metadata":{"name":"approver"},"rules":[{"verbs":["patch"],"apiGroups":["certificates.k8s.io"],"resources":["certificatesigningrequests/approval"]},
             {"verbs":["approve"],"apiGroups":["certificates.k8s.io"],"resources":["signers"],"resourceNames":["example.com/*"]}]}
            """);
        await Requests.DoAsync("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            """{"metadata":{"name":"approver"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"approver"},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"jane"}]}""");
        using var client = TestApiServer.ClientFor(Server.Authority, Server.Address, "jane");
        var jane = new Api(client);
        await jane.DoAsync("PATCH", $"{Path}/r/approval", Conditions("Approved"), "application/merge-patch+json");
        var (code, answer) = await jane.SendAsync("PATCH", $"{Path}/s/approval", Conditions("Approved"), "application/merge-patch+json");
        Assert.Equal(403, code);
        Assert.Contains("user not permitted to approve requests with signerName \"example.org/other\"", (string?)answer["message"], StringComparison.Ordinal);
    }

    [Fact]
    public void Sign_WhatWasAsked_IsACertificateOfThatKeyAndNoAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("n1");
        var request = new CertificateRequest("O=system:nodes, CN=system:node:n1", key, HashAlgorithmName.SHA256) { CertificateExtensions = { names.Build(), new X509BasicConstraintsExtension(true, false, 0, true) } };
        var pem = Server.Authority.Sign(new CertificateOrder(Encoding.ASCII.GetBytes(request.CreateSigningRequestPem()), Signers.ServingUsages, TimeSpan.FromMinutes(20)));
        using var issued = X509Certificate2.CreateFromPem(pem);
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), issued.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.False(issued.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        Assert.Equal(["1.3.6.1.5.5.7.3.1"], issued.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Cast<Oid>().Select(usage => usage.Value));
        Assert.Equal(["n1"], issued.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames());
        Assert.InRange(issued.NotAfter.ToUniversalTime() - TimeProvider.System.GetUtcNow().UtcDateTime, TimeSpan.FromMinutes(18), TimeSpan.FromMinutes(20));
        using var chain = new X509Chain { ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck } };
        chain.ChainPolicy.CustomTrustStore.Add(X509Certificate2.CreateFromPem(Server.Authority.CertificatePem));
        Assert.True(chain.Build(issued));
    }

    [Fact]
    public async Task Table_ShowsWhoAskedWhomAndWhatWasDecided()
    {
        await Requests.DoAsync("POST", Path, Body("r", more: ""","expirationSeconds":3600"""));
        await Requests.DoAsync("PATCH", $"{Path}/r/approval", Conditions("Approved"), "application/merge-patch+json");
        using var request = new HttpRequestMessage(HttpMethod.Get, Path);
        request.Headers.TryAddWithoutValidation("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
        using var response = await Server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var table = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal(["Name", "Age", "SignerName", "Requestor", "RequestedDuration", "Condition"], table["columnDefinitions"]!.AsArray().Select(column => (string?)column!["name"]));
        var cells = table["rows"]![0]!["cells"]!.AsArray().Select(cell => (string?)cell).ToArray();
        Assert.Equal(["r", "example.com/s", "admin", "60m", "Approved"], [cells[0], .. cells[2..]]);
    }

    private static string Body(string name, string signer = "example.com/s", string subject = "CN=a", string more = "") =>
        $$"""{"metadata":{"name":"{{name}}"},"spec":{"request":"{{Request(subject)}}","signerName":"{{signer}}","usages":["client auth"]{{more}} } }""";

    private static string Conditions(params string[] types) =>
        """{"status":{"conditions":[""" + string.Join(',', types.Select(type => $$"""{"type":"{{type}}","status":"True"}""")) + "]}}";

    private static string Request(string subject)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Convert.ToBase64String(Encoding.ASCII.GetBytes(new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSigningRequestPem()));
    }
}
