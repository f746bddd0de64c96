using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Client;
using Fairlead.Node.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Streaming;

/// <summary>
/// Who may use the kubelet API. The API server comes with a certificate of the group system:masters, which may do anything. Of all others,
/// by their certificate or token, the API server is asked whether they may have the subresource of the Node that the path stands for:
/// nodes/metrics, nodes/stats, nodes/log, nodes/pods, nodes/healthz, and for everything nodes/proxy.
/// </summary>
internal sealed class KubeletAccess(IAccessReviews? reviews, string node, ILogger log)
{
    private const string OrganizationOid = "2.5.4.10";
    private const string Masters = "system:masters";

    /// <summary>Null: go on. Else the code and the words of the refusal.</summary>
    public async Task<(int Code, string Text)?> CheckAsync(HttpContext context)
    {
        try
        {
            if (await WhoAsync(context) is not { } caller) return (StatusCodes.Status401Unauthorized, "Unauthorized\n");
            if (context.Connection.ClientCertificate is not null && caller.Groups.Contains(Masters)) return null;
            var (verb, subresources) = Asked(context.Request);
            foreach (var subresource in subresources)
            {
                if (reviews is not null && await reviews.MayAsync(caller, verb, node, subresource, context.RequestAborted)) return null;
            }
            return (StatusCodes.Status403Forbidden, $"Forbidden (user={caller.Name}, verb={verb}, resource=nodes, subresource(s)=[{string.Join(' ', subresources)}])\n");
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException)
        {
            StreamLog.NotReviewed(log, context.Request.Path, e.Message);
            return (StatusCodes.Status500InternalServerError, "the API server could not be asked who you are\n");
        }
    }

    /// <summary>A certificate's common name is its user, its organizations are his groups (Kubernetes documentation: "Authenticating").</summary>
    private async Task<Caller?> WhoAsync(HttpContext context)
    {
        if (context.Connection.ClientCertificate is { } certificate)
            return new Caller(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), Organizations(certificate));
        const string Bearer = "Bearer ";
        var header = context.Request.Headers.Authorization.ToString();
        if (reviews is null || !header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)) return null;
        return await reviews.WhoAsync(header[Bearer.Length..].Trim(), context.RequestAborted);
    }

    private static List<string> Organizations(X509Certificate2 certificate) => [.. certificate.SubjectName.EnumerateRelativeDistinguishedNames()
        .Where(name => !name.HasMultipleElements && name.GetSingleElementType().Value == OrganizationOid)
        .Select(name => name.GetSingleElementValue()).OfType<string>()];

    /// <summary>What opens a stream into a pod is no mere reading, by whatever method it is opened: it asks for create.</summary>
    internal static (string Verb, IReadOnlyList<string> Subresources) Asked(HttpRequest request)
    {
        var first = (request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault("");
        var verb = first is "exec" or "attach" or "portForward" or "dial" ? "create" : request.Method switch
        {
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "get",
        };
        return (verb, first switch
        {
            "metrics" => ["metrics"],
            "stats" => ["stats"],
            "logs" => ["log"],
            "pods" => ["pods", "proxy"],
            "healthz" => ["healthz", "proxy"],
            _ => ["proxy"],
        });
    }
}
