using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Certificates;
using Fairlead.Kube.Client;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.Certificates;

/// <summary>Approves what nodes ask for, where <see cref="ApprovalPlan"/> and RBAC say so.</summary>
internal sealed class CertificateApprover : KeyedController<ObjectKey>
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(1);
    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly ControllerOptions _options;
    private readonly TimeProvider _time;

    public CertificateApprover(ControllerContext context)
        : base("csrapproving", workers: 2, context.Log("CertificateApprover"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _options = context.Options;
        _time = context.Time;
        _caches.CertificateRequests.Changed += change => Queue.Add(change.Key);
        _caches.Nodes.Changed += change =>
        {
            foreach (var item in _caches.CertificateRequests.Items.Values.Where(item => ApprovalPlan.WaitsFor(item, change.Key.Name))) Queue.Add(item.Key);
        };
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (!_caches.CertificateRequests.Items.TryGetValue(key, out var item) || SigningRequest.TryRead(item.RequestPem) is not { } request) return;
        var nodes = _caches.Nodes.Items.Values.ToDictionary(node => node.Name);
        if (ApprovalPlan.Decide(item, request, nodes, _options.ServerNames) is not { } approval) return;
        if (await _client.FindAsync(ApiResources.CertificateSigningRequests, null, key.Name, cancel) is not { } present) return;
        if (approval.Permission is { } permission && !await MayAsync(present.Spec, permission, cancel))
        {
            CertificateLog.NotAllowed(Logger, key.Name, item.User, permission);
            Queue.AddAfter(key, AskAgain);
            return;
        }
        present.Status ??= new V1CertificateSigningRequestStatus();
        present.Status.Conditions =
        [
            .. present.Status.Conditions ?? [],
            new V1CertificateSigningRequestCondition
            {
                Type = "Approved", Status = "True", Reason = "AutoApproved", Message = approval.Message, LastUpdateTime = Timestamps.Whole(_time.GetUtcNow()),
            },
        ];
        await _client.ReplaceAsync(ApiResources.CertificateSigningRequests, present, "approval", cancel);
        CertificateLog.Approved(Logger, key.Name, item.User, request.CommonName);
    }

    private async Task<bool> MayAsync(V1CertificateSigningRequestSpec asks, string permission, CancellationToken cancel)
    {
        var answer = await _client.CreateAsync(ApiResources.SubjectAccessReviews, new V1SubjectAccessReview
        {
            Metadata = new V1ObjectMeta(),
            Spec = new V1SubjectAccessReviewSpec
            {
                User = asks.Username, Uid = asks.Uid, Groups = asks.Groups, Extra = asks.Extra,
                ResourceAttributes = new V1ResourceAttributes { Group = "certificates.k8s.io", Version = "*", Resource = "certificatesigningrequests", Subresource = permission, Verb = "create" },
            },
        }, cancel);
        return answer.Status?.Allowed == true;
    }
}

internal static partial class CertificateLog
{
    [LoggerMessage(3140, LogLevel.Information, "certificate request {Request} of {User} for {Subject} approved")]
    public static partial void Approved(ILogger log, string request, string user, string subject);

    [LoggerMessage(3141, LogLevel.Warning, "certificate request {Request}: {User} may not create certificatesigningrequests/{Permission}; it waits for `kubectl certificate approve`")]
    public static partial void NotAllowed(ILogger log, string request, string user, string permission);

    [LoggerMessage(3142, LogLevel.Information, "certificate request {Request} of {User}: issued")]
    public static partial void Issued(ILogger log, string request, string user);

    [LoggerMessage(3143, LogLevel.Warning, "certificate request {Request} of {User} cannot be signed: {Reason}")]
    public static partial void Failed(ILogger log, string request, string user, string reason);
}
