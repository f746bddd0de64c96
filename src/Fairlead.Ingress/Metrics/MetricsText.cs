using Fairlead.Ingress.Routes;
using Fairlead.Kube.Health;

namespace Fairlead.Ingress.Metrics;

/// <summary>Prometheus' text, under the names of ingress-nginx (https://kubernetes.github.io/ingress-nginx/user-guide/monitoring/).</summary>
internal static class MetricsText
{
    internal static string Write(MetricsRegistry metrics, IngressSnapshot snapshot, long swaps, string controller)
    {
        var text = new PrometheusText();
        var all = metrics.All.OrderBy(route => route.Ingress.ToString(), StringComparer.Ordinal).ToList();
        text.Metric("nginx_ingress_controller_requests", "counter", "Requests, by Ingress, service, method and status.");
        foreach (var (labels, series) in Series(all, controller)) text.Sample("nginx_ingress_controller_requests", labels, series.Count);
        text.Metric("nginx_ingress_controller_request_duration_seconds", "histogram", "Seconds from a request's arrival to its answer's last byte.");
        foreach (var (labels, series) in Series(all, controller)) text.Histogram("nginx_ingress_controller_request_duration_seconds", labels, series.Times());
        text.Metric("nginx_ingress_controller_bytes_sent", "counter", "Bytes of answers' bodies.");
        foreach (var (labels, series) in Series(all, controller)) text.Sample("nginx_ingress_controller_bytes_sent", labels, series.Bytes);
        text.Metric("fairlead_ingress_upstream_errors_total", "counter", "Attempts that no endpoint answered, by Ingress and service.");
        foreach (var route in all) text.Sample("fairlead_ingress_upstream_errors_total", Labels(route, controller), route.UpstreamErrors);
        text.Metric("nginx_ingress_controller_success", "counter", "Changes of routes and certificates that took effect.");
        text.Sample("nginx_ingress_controller_success", $"controller_class=\"{controller}\"", swaps);
        text.Metric("fairlead_ingress_hosts", "gauge", "Hosts that have routes.");
        text.Sample("fairlead_ingress_hosts", "", snapshot.Routes.HostCount);
        text.Metric("nginx_ingress_controller_ssl_expire_time_seconds", "gauge", "When a host's certificate ends, in seconds since 1970.");
        foreach (var (host, certificate) in snapshot.Certificates.All.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            text.Sample("nginx_ingress_controller_ssl_expire_time_seconds",
                $"host=\"{host}\",namespace=\"{certificate.Secret.Namespace}\",secret_name=\"{certificate.Secret.Name}\"",
                new DateTimeOffset(certificate.Certificate.NotAfter).ToUnixTimeSeconds());
        }
        return text.ToString();
    }

    private static IEnumerable<(string Labels, RouteMetrics.Series Series)> Series(IEnumerable<RouteMetrics> all, string controller) =>
        all.SelectMany(route => route.Requests.OrderBy(pair => pair.Key).Select(pair => ($"{Labels(route, controller)},method=\"{PrometheusText.Label(pair.Key.Method)}\",status=\"{pair.Key.Status}\"", pair.Value)));

    private static string Labels(RouteMetrics route, string controller) =>
        $"controller_class=\"{controller}\",ingress=\"{route.Ingress.Name}\",namespace=\"{route.Ingress.Namespace}\",service=\"{route.Service}\"";
}
