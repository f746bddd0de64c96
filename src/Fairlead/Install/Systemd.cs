using System.ComponentModel;
using System.Diagnostics;
using Fairlead.Linux.Processes;
using Fairlead.Terminal;

namespace Fairlead.Install;

/// <summary>The systemd of this machine.</summary>
internal static class Systemd
{
    /// <summary>sd_booted(3).</summary>
    private const string Booted = "/run/systemd/system";

    /// <exception cref="UserException">Units would be of no use here, or may not be written.</exception>
    public static void Check()
    {
        if (!Directory.Exists(Booted)) throw new UserException("this machine does not run systemd; --root DIR writes the unit for another one, --print shows it");
        if (!ProcessHandle.IsRoot) throw new UserException("units are written by root: run it with sudo, or with --root DIR or --print");
    }

    /// <exception cref="UserException">It failed; the message has systemctl's words.</exception>
    public static async Task RunAsync(CancellationToken cancel, params string[] arguments)
    {
        var start = new ProcessStartInfo("systemctl", arguments) { RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start) ?? throw new UserException("systemctl did not start");
            var error = await process.StandardError.ReadToEndAsync(cancel);
            await process.WaitForExitAsync(cancel);
            if (process.ExitCode != 0) throw new UserException($"systemctl {string.Join(' ', arguments)} failed: {error.Trim().ReplaceLineEndings(" ")}");
        }
        catch (Win32Exception e)
        {
            throw new UserException($"systemctl cannot be run: {e.Message}");
        }
    }
}
