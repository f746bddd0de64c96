namespace Fairlead.Linux.Processes;

/// <summary>Signal numbers (signal(7)).</summary>
public static class Signal
{
    public const int HangUp = 1;
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int User1 = 10;
    public const int Terminate = 15;

    // In the order of their numbers from 1.
    private static readonly string[] Names =
    [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD",
        "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    private const int FirstRealTime = 34;
    private const int LastRealTime = 64;

    /// <summary>The number of <c>SIGQUIT</c>, <c>QUIT</c>, <c>3</c>, <c>SIGRTMIN+3</c>; null for what is no signal.</summary>
    public static int? TryParse(string text)
    {
        if (int.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var number)) return number is > 0 and <= LastRealTime ? number : null;
        var name = text.ToUpperInvariant();
        if (name.StartsWith("SIG", StringComparison.Ordinal)) name = name[3..];
        if (Array.IndexOf(Names, name) is var index and >= 0) return index + 1;
        if (!name.StartsWith("RTMIN", StringComparison.Ordinal)) return null;
        var above = name.Length == 5 ? 0 : int.TryParse(name.AsSpan(5), System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var more) ? more : -1;
        return above >= 0 && FirstRealTime + above <= LastRealTime ? FirstRealTime + above : null;
    }
}
