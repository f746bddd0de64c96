using System.Net;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy;

/// <summary>
/// The networks of cluster addresses as the API has them: its ServiceCIDRs
/// (https://kubernetes.io/docs/reference/networking/service-ips/). A server of before Kubernetes 1.33, which has none, is asked once.
/// </summary>
internal sealed class ServiceRanges(KubeClient client, ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private readonly Informer<V1ServiceCIDR, Range> _ranges = new(client, ApiResources.ServiceCidrs, Range.From, logger, time);
    private readonly TaskCompletionSource _absent = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Range(EquatableArray<IPNetwork> Networks)
    {
        internal static Range From(V1ServiceCIDR range) => new(new EquatableArray<IPNetwork>((range.Spec?.Cidrs ?? [])
            .Select(text => IPNetwork.TryParse(text, out IPNetwork network) ? (IPNetwork?)network : null).OfType<IPNetwork>()));
    }

    /// <summary>Sorted, each once.</summary>
    internal IEnumerable<IPNetwork> Networks => _ranges.Items.Values.SelectMany(range => range.Networks).Distinct().OrderBy(network => network.ToString(), StringComparer.Ordinal);

    /// <summary>Completes when they are known, or known not to be there.</summary>
    internal Task Synced => Task.WhenAny(_ranges.Synced, _absent.Task);

    internal event Action? Changed;

    /// <summary>Follows them until cancelled.</summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        _ranges.Changed += _ => Changed?.Invoke();
        if (await AreServedAsync(cancellationToken))
        {
            await _ranges.RunAsync(cancellationToken);
            return;
        }
        _absent.TrySetResult();
        await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<bool> AreServedAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await client.ListAsync(ApiResources.ServiceCidrs, null, ListOptions.All, cancellationToken);
                return true;
            }
            catch (KubeApiException refusal) when (refusal.Code is HttpStatusCode.NotFound or HttpStatusCode.Forbidden)
            {
                ProxyLog.NoRanges(logger, refusal.Message);
                return false;
            }
            catch (Exception failure) when (failure is KubeApiException or HttpRequestException)
            {
                ProxyLog.RangesUnknown(logger, failure.Message);
                await Task.Delay(s_retry, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return false;
            }
        }
        return false;
    }
}
