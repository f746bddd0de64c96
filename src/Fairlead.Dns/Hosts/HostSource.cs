using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Hosts;

/// <summary>A host table that follows its file.</summary>
internal sealed class HostSource
{
    private readonly HostsOptions _options;
    private readonly byte[][] _domains;
    private readonly byte[][] _fallthrough;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private DateTime _written;
    private HostTable _table = HostTable.Empty;

    internal HostSource(HostsOptions options, ILogger log, TimeProvider time)
    {
        (_options, _log, _time) = (options, log, time);
        _domains = [.. options.Domains.Select(domain => DnsName.Parse(domain)!)];
        _fallthrough = [.. options.Fallthrough.Select(domain => DnsName.Parse(domain)!)];
        Read();
    }

    internal HostTable Table => Volatile.Read(ref _table);

    internal bool Takes(in Query query) => IsBelowAny(query, _domains);

    internal bool FallsThrough(in Query query) => IsBelowAny(query, _fallthrough);

    /// <summary>Reads the file anew when it has changed, until cancelled.</summary>
    internal async Task RunAsync(CancellationToken cancel)
    {
        while (_options.File is not null && _options.Reload > TimeSpan.Zero && !cancel.IsCancellationRequested)
        {
            await Task.Delay(_options.Reload, _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_options.File is { } file && Written(file) != _written)
            {
                Read();
            }
        }
    }

    private static bool IsBelowAny(in Query query, byte[][] domains)
    {
        foreach (byte[] domain in domains)
        {
            if (query.IsBelow(domain))
            {
                return true;
            }
        }
        return false;
    }

    private static DateTime Written(string file) => File.GetLastWriteTimeUtc(file);

    private void Read()
    {
        try
        {
            DateTime written = _options.File is null ? default : Written(_options.File);
            // An absent file is an empty one: k3s writes it when the first node comes.
            IEnumerable<string> lines = _options.File is not null && File.Exists(_options.File) ? File.ReadAllLines(_options.File) : [];
            Volatile.Write(ref _table, HostTable.Read(lines.Concat(_options.Lines), (uint)_options.TimeToLive, !_options.NoReverse));
            _written = written;
            HostLog.Read(_log, Table.Count, _options.File ?? "the configuration");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            HostLog.Failed(_log, _options.File!, e.Message);
        }
    }
}

internal static partial class HostLog
{
    [LoggerMessage(7400, LogLevel.Debug, "{Names} names from {File}")]
    internal static partial void Read(ILogger logger, int names, string file);

    [LoggerMessage(7401, LogLevel.Warning, "{File} cannot be read, and its names stay as they were: {Reason}")]
    internal static partial void Failed(ILogger logger, string file, string reason);
}
