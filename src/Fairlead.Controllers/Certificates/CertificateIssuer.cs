using System.Text;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Certificates;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers.Certificates;

/// <summary>Has the cluster's authority sign what was approved.</summary>
internal sealed class CertificateIssuer : KeyedController<ObjectKey>
{
    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly ControllerOptions _options;
    private readonly TimeProvider _time;

    public CertificateIssuer(ControllerContext context)
        : base("csrsigning", workers: 2, context.Log("CertificateIssuer"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _options = context.Options;
        _time = context.Time;
        if (_options.Signer is null) return;
        _caches.CertificateRequests.Changed += change =>
        {
            if (change.New is { } item && SigningPlan.IsDue(item)) Queue.Add(change.Key);
        };
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (!_caches.CertificateRequests.Items.TryGetValue(key, out var item) || !SigningPlan.IsDue(item)) return;
        if (await _client.FindAsync(ApiResources.CertificateSigningRequests, null, key.Name, cancel) is not { Status: { } status } present || present.Metadata.Uid != item.Meta.Uid) return;
        if (SigningPlan.Refuse(item, SigningRequest.TryRead(item.RequestPem)) is { } reason)
        {
            CertificateLog.Failed(Logger, key.Name, item.User, reason);
            status.Conditions =
            [
                .. status.Conditions ?? [],
                new V1CertificateSigningRequestCondition
                {
                    Type = "Failed", Status = "True", Reason = "SignerValidationFailure", Message = reason,
                    LastUpdateTime = Timestamps.Whole(_time.GetUtcNow()), LastTransitionTime = Timestamps.Whole(_time.GetUtcNow()),
                },
            ];
        }
        else
        {
            var order = new CertificateOrder(item.RequestPem, item.Usages, SigningPlan.Life(item, _options.CertificateLife));
            status.Certificate = Encoding.ASCII.GetBytes(_options.Signer!.Sign(order));
            CertificateLog.Issued(Logger, key.Name, item.User);
        }
        await _client.ReplaceAsync(ApiResources.CertificateSigningRequests, present, "status", cancel);
    }
}
