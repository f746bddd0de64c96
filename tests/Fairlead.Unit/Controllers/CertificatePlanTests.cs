using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Certificates;
using Fairlead.Kube;
using Fairlead.Kube.Certificates;
using Xunit;

namespace Fairlead.Unit.Controllers;

/// <summary>Kubernetes documentation: "TLS bootstrapping" and "Certificates and Certificate Signing Requests".</summary>
public sealed class CertificatePlanTests
{
    private const string Node1 = "system:node:node-1", Nodes = "system:nodes";
    private static readonly string[] ServerNames = ["kubernetes", "192.0.2.1", "10.96.0.1"];
    private static readonly Dictionary<string, NodeItem> Cluster = new()
    {
        ["node-1"] = Given.Node("node-1") with { Addresses = ["192.0.2.11", "127.0.0.1", "192.0.2.1", "192.0.2.12"] },
        ["node-2"] = Given.Node("node-2") with { Addresses = ["192.0.2.12"] },
    };

    [Theory]
    // A machine that joins, and a node that renews.
    [InlineData("system:bootstrap:abcdef", Node1, Nodes, "", "client auth,digital signature", "nodeclient")]
    [InlineData("system:bootstrap:abcdef", Node1, Nodes, "", "client auth,digital signature,key encipherment", "nodeclient")]
    [InlineData(Node1, Node1, Nodes, "", "client auth,digital signature", "selfnodeclient")]
    [InlineData("system:node:node-2", Node1, Nodes, "", "client auth,digital signature", "nodeclient")]
    // Not what a node's certificate looks like.
    [InlineData("system:bootstrap:abcdef", "admin", Nodes, "", "client auth,digital signature", null)]
    [InlineData("system:bootstrap:abcdef", Node1, "system:masters", "", "client auth,digital signature", null)]
    [InlineData("system:bootstrap:abcdef", Node1, "system:nodes,system:masters", "", "client auth,digital signature", null)]
    [InlineData("system:bootstrap:abcdef", Node1, Nodes, "node-1", "client auth,digital signature", null)]
    [InlineData("system:bootstrap:abcdef", Node1, Nodes, "", "client auth", null)]
    [InlineData("system:bootstrap:abcdef", Node1, Nodes, "", "client auth,digital signature,server auth", null)]
    public void ClientRequest_BySubjectAndUsages_AsksForThePermission(string user, string commonName, string organizations, string names, string usages, string? permission)
    {
        var (item, request) = Request(Signers.NodeClient, user, commonName, organizations, names, usages);
        Assert.Equal(permission, ApprovalPlan.Decide(item, request, Cluster, ServerNames)?.Permission);
    }

    [Theory]
    [InlineData(Node1, "node-1,192.0.2.11", true)]
    [InlineData(Node1, "node-1", true)]
    // Somebody else, another node's name or address, the API server's, one that the Node does not have, loopback.
    [InlineData("system:bootstrap:abcdef", "node-1", false)]
    [InlineData("system:node:node-2", "node-1", false)]
    [InlineData(Node1, "node-2", false)]
    [InlineData(Node1, "node-1,192.0.2.12", false)]
    [InlineData(Node1, "node-1,192.0.2.1", false)]
    [InlineData(Node1, "node-1,192.0.2.99", false)]
    [InlineData(Node1, "node-1,127.0.0.1", false)]
    [InlineData(Node1, "kubernetes", false)]
    [InlineData(Node1, "", false)]
    public void ServingRequest_OwnNamesOnly_Approved(string user, string names, bool approved)
    {
        var (item, request) = Request(Signers.NodeServing, user, Node1, Nodes, names, "digital signature,server auth");
        Assert.Equal(approved, ApprovalPlan.Decide(item, request, Cluster, ServerNames) is { Permission: null });
    }

    [Fact]
    public void ServingRequest_NodeWithTheNameOfTheServer_NotApproved()
    {
        var (item, request) = Request(Signers.NodeServing, "system:node:kubernetes", "system:node:kubernetes", Nodes, "kubernetes", "digital signature,server auth");
        var nodes = new Dictionary<string, NodeItem> { ["kubernetes"] = Given.Node("kubernetes") };
        Assert.Null(ApprovalPlan.Decide(item, request, nodes, ServerNames));
    }

    [Fact]
    public void ServingRequest_NodeNotYetThere_WaitsForIt()
    {
        var (item, request) = Request(Signers.NodeServing, Node1, Node1, Nodes, "node-1", "digital signature,server auth");
        Assert.Null(ApprovalPlan.Decide(item, request, new Dictionary<string, NodeItem>(), ServerNames));
        Assert.True(ApprovalPlan.WaitsFor(item, "node-1"));
        Assert.False(ApprovalPlan.WaitsFor(item, "node-2"));
    }

    [Theory]
    [InlineData(true, false, false, Signers.NodeClient, true)]
    [InlineData(true, false, false, Signers.Client, true)]
    [InlineData(false, false, false, Signers.NodeClient, false)]
    [InlineData(true, true, false, Signers.NodeClient, false)]
    [InlineData(true, false, true, Signers.NodeClient, false)]
    [InlineData(true, false, false, "example.com/other", false)]
    public void Signing_OfWhatIsApprovedAndOurs_IsDue(bool approved, bool failed, bool issued, string signer, bool due)
    {
        var item = Request(signer, Node1, Node1, Nodes, "", "client auth,digital signature").Item with { IsApproved = approved, HasFailed = failed, IsIssued = issued };
        Assert.Equal(due, SigningPlan.IsDue(item));
    }

    [Theory]
    [InlineData(Signers.Client, "jane", "dev", "client auth", true)]
    [InlineData(Signers.Client, "jane", "dev", "digital signature", false)]
    [InlineData(Signers.Client, "jane", "dev", "client auth,server auth", false)]
    [InlineData(Signers.NodeClient, "jane", "dev", "client auth,digital signature", false)]
    [InlineData(Signers.NodeServing, Node1, Nodes, "server auth,digital signature", false)]
    public void Signing_AgainstTheSignersRules_Refused(string signer, string commonName, string organization, string usages, bool signs)
    {
        var (item, request) = Request(signer, "admin", commonName, organization, "", usages);
        Assert.Equal(signs, SigningPlan.Refuse(item, request) is null);
    }

    [Theory]
    [InlineData(null, 365 * 24)]
    [InlineData(2, 2)]
    [InlineData(365 * 48, 365 * 24)]
    public void Life_AsAskedButNotLonger(int? asked, int hours)
    {
        var item = Request(Signers.Client, "u", "u", "", "", "client auth").Item with { Life = asked is { } value ? TimeSpan.FromHours(value) : null };
        Assert.Equal(TimeSpan.FromHours(hours), SigningPlan.Life(item, TimeSpan.FromDays(365)));
    }

    [Theory]
    // What is settled stays an hour, what nobody decided on a day, and a certificate that ended takes its request along.
    [InlineData(true, false, true, null, 1)]
    [InlineData(false, true, false, null, 1)]
    [InlineData(true, false, false, null, 24)]
    [InlineData(false, false, false, null, 24)]
    [InlineData(true, false, true, 0.5, 0.5)]
    public void Cleaning_ByState_IsDueAfter(bool approved, bool denied, bool issued, double? endsAfter, double hours)
    {
        var created = Given.Now;
        var item = Request(Signers.Client, "u", "u", "", "", "client auth").Item with
        {
            Meta = Given.Meta("u") with { Created = created }, IsApproved = approved, IsDenied = denied, IsIssued = issued,
            Decided = approved || denied ? created : null, IssuedUntil = endsAfter is { } end ? created.AddHours(end) : null,
        };
        Assert.Equal(created.AddHours(hours), CleaningPlan.Due(item));
    }

    [Fact]
    public void TryRead_SignatureOfAnotherKey_IsNone()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var der = new CertificateRequest("CN=a", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        der[^1] ^= 1;
        Assert.Null(SigningRequest.TryRead(Encoding.ASCII.GetBytes(PemEncoding.WriteString(SigningRequest.PemLabel, der))));
        Assert.Null(SigningRequest.TryRead("no PEM"u8));
    }

    private static (CertificateRequestItem Item, SigningRequest Request) Request(string signer, string user, string commonName, string organizations, string names, string usages)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedNameBuilder();
        foreach (var organization in organizations.Split(',', StringSplitOptions.RemoveEmptyEntries)) subject.AddOrganizationName(organization);
        subject.AddCommonName(commonName);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        if (names.Length > 0)
        {
            var alternatives = new SubjectAlternativeNameBuilder();
            foreach (var name in names.Split(','))
            {
                if (IPAddress.TryParse(name, out var address)) alternatives.AddIpAddress(address);
                else alternatives.AddDnsName(name);
            }
            request.CertificateExtensions.Add(alternatives.Build());
        }
        var pem = Encoding.ASCII.GetBytes(request.CreateSigningRequestPem());
        ValueList<string> groups = user.StartsWith("system:node:", StringComparison.Ordinal) ? [Nodes, "system:authenticated"] : ["system:bootstrappers", "system:authenticated"];
        var item = new CertificateRequestItem(new ObjectKey("", "r"), Given.Meta("r"), signer, user, groups, Convert.ToBase64String(pem)) { Usages = [.. usages.Split(',')] };
        return (item, SigningRequest.TryRead(pem)!);
    }
}
